using System.Net;
using Metering.Exposition;
using Metering.Tests.Access;
using Xunit;

namespace Metering.Tests.Exposition;

/// <summary>However many tenants and quotas there are, a scrape has a bounded number of series, and its sums are those of the ledger.</summary>
public sealed class SeriesBoundTests
{
    private const int Tenants = 1_003, Bound = 1_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tenants_beyond_the_bound_share_one_series_and_sums_stay_right()
    {
        await using var service = await RunningService.StartAsync();
        await service.GoodAsync("PUT", "v1/price-books/list/versions/1", """{"currency":"EUR","prices":[{"meter":"cpuSeconds","unit":"Core-Hours","price":3.6}]}""");
        await service.GoodAsync("PUT", "v1/quotas/q", """{"subject":{"fleet":true},"meter":"cpuSeconds","window":"month","limit":1}""");
        await FillAsync(service);

        var scrape = await ScrapeAsync(service);

        // Tenant t0001 has used one second, t0002 two and so on, and nobody's workload 1,004.
        var usage = Series("metering_usage_cpu_seconds_total");
        Assert.Equal(Bound + 2, usage.Count);
        Assert.Equal(Enumerable.Range(1, Tenants + 1).Sum(), usage.Values.Sum());
        Assert.Equal(Enumerable.Range(Bound + 1, Tenants - Bound).Sum(), usage["""metering_usage_cpu_seconds_total{overflow="true"}"""]);
        Assert.Equal(Tenants + 1, usage["""metering_usage_cpu_seconds_total{tenant="unattributed"}"""]);
        Assert.Equal(Bound, usage["""metering_usage_cpu_seconds_total{tenant="t1000"}"""]);

        // A second costs 0.001, of a quantity that is rounded to 9 places of an hour.
        var costs = Series("metering_cost_month");
        Assert.Equal(Bound + 1, costs.Count);
        Assert.Equal(Enumerable.Range(1, Tenants).Sum(), costs.Values.Sum() * 1000, 3);
        Assert.Equal(Enumerable.Range(Bound + 1, Tenants - Bound).Sum(), costs["""metering_cost_month{currency="EUR",overflow="true"}"""] * 1000, 3);

        Assert.Equal(Bound, Series("metering_quota_used_ratio").Count);
        Assert.Equal(2, scrape.Samples["metering_quotas_without_series{}"]);
        Assert.Equal(0, scrape.Samples["metering_hosts_without_series{}"]);

        // No family has more than that: none has a label that only its name bounds.
        Assert.All(scrape.Samples.Keys.GroupBy(key => key.Split('{')[0]), family => Assert.InRange(family.Count(), 1, Bound + 2));

        Dictionary<string, double> Series(string name) => scrape.Samples.Where(sample => sample.Key.StartsWith(name + "{", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
    }

    private static Task FillAsync(RunningService service) => service.Store.WriteAsync(async transaction =>
    {
        const string Numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @count) ";
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        await transaction.ExecuteAsync(Numbers + "INSERT INTO tenant (id, name, time_zone, currency, price_book) SELECT printf('t%04d', i), 'T', 'UTC', 'EUR', 'list' FROM n", ("@count", Tenants));
        await transaction.ExecuteAsync(
            Numbers + "INSERT INTO workload (id, host, kind, key, name, path, labels, attributes_from, former, availability, first_seen, last_seen, ended) SELECT i, 'h', 'docker', 'k' || i, 'n' || i, '/w' || i, '{}', 0, 0, '', 0, 0, 0 FROM n", ("@count", Tenants + 1));
        await transaction.ExecuteAsync(Numbers + "INSERT INTO ownership (workload, valid_from, valid_to, tenant, project) SELECT i, 0, 9223372036854775807, printf('t%04d', i), '' FROM n", ("@count", Tenants));
        await transaction.ExecuteAsync(Numbers + "INSERT INTO usage (bucket, workload, cpu_us, estimated_us) SELECT @bucket, i, i * 1000000, 0 FROM n", ("@count", Tenants + 1), ("@bucket", now - (now % 3600)));
        await transaction.ExecuteAsync(Numbers + "INSERT INTO quota (id, json) SELECT printf('q%04d', i), json FROM n, quota WHERE id = 'q'", ("@count", Bound + 1));
    }, Cancel);

    // The first scrape does not wait for a month that was never added up.
    private static async Task<StrictParser> ScrapeAsync(RunningService service)
    {
        while (true)
        {
            var answer = await service.SendAsync("GET", "metrics");
            Assert.True(answer.Status == HttpStatusCode.OK, answer.Text);
            var scrape = StrictParser.Parse(answer.Text, ExpositionFormat.PrometheusText);
            if (scrape.Types.ContainsKey("metering_cost_month")) return scrape;
            await Task.Delay(100, Cancel);
        }
    }
}
