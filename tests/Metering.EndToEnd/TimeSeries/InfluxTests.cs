using System.Globalization;
using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.LineProtocol;
using Xunit;

namespace Metering.EndToEnd.TimeSeries;

/// <summary>The service with a real InfluxDB 1.6 and a real VictoriaMetrics behind it.</summary>
public sealed class InfluxTests
{
    private const string Points = "SELECT count(\"cpu_us\") FROM metering_usage";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);
    private static readonly DateTimeOffset Start = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_service_killed_and_frozen_InfluxDB_and_a_bad_field_lose_nothing_and_write_nothing_twice()
    {
        await using var influx = await InfluxServer.StartAsync(Cancel);
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__TimeSeries__Url"] = influx.Url });
        await service.StartReadyAsync(Cancel);

        // The service is killed twice while it writes.
        for (var seed = 1; seed <= 2; seed++)
        {
            var sent = SimulateAsync(service, seed);
            await UntilAsync(service, async () => await influx.NumberAsync(Points, Cancel) > (seed - 1) * 2_400 + 300);
            await service.KillAsync(Cancel);
            await service.StartReadyAsync(Cancel);
            await sent;
        }

        await WrittenAsync(service, influx, 2 * 2_400);

        // Frozen, then dead: the ledger goes on.
        influx.Freeze();
        await SimulateAsync(service, 3);
        Assert.Equal(240, (await service.GetAsync("v1/time-series", Cancel)).GetProperty("behindBatches").GetInt64());
        await influx.KillAsync(Cancel);
        await service.KillAsync(Cancel);
        await influx.StartAgainAsync(Cancel);
        await service.StartReadyAsync(Cancel);
        await WrittenAsync(service, influx, 3 * 2_400);

        // Tenant by tenant, day by day, to the microsecond.
        await SameAsync(service, influx);

        // What is lost over there is made again, and a field of another type is parked while the rest goes in.
        await influx.QueryAsync("DROP MEASUREMENT metering_usage", Cancel);
        using (var client = new HttpClient())
        {
            var clash = await client.PostAsync(new Uri(influx.Url + "/write?db=metering"), new StringContent("metering_host,host=sim-0001 records=\"text\" 1793491200000000000"), Cancel);
            Assert.False(clash.IsSuccessStatusCode);
            (await client.PostAsync(new Uri(influx.Url + "/write?db=metering"), new StringContent("metering_usage,host=other io_read_ops=\"text\" 1793491200000000000"), Cancel)).EnsureSuccessStatusCode();
        }

        var (code, said) = await MeteringAsync(service, "timeseries", "rebuild", "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-01T00:01:00Z");
        Assert.True(code == 1 && said.Contains("were refused; see 'metering timeseries parked'", StringComparison.Ordinal), said);
        (code, said) = await MeteringAsync(service, "timeseries", "parked");
        Assert.True(code == 0 && said.Contains("field type conflict", StringComparison.Ordinal), said);
        await influx.QueryAsync("DROP MEASUREMENT metering_usage", Cancel);
        (code, said) = await MeteringAsync(service, "timeseries", "rebuild");
        Assert.True(code == 0 && said.Contains("720 batches, 7,920 points written.", StringComparison.Ordinal), said);
        await SameAsync(service, influx);
        Assert.Equal(3 * 2_400, await influx.NumberAsync(Points, Cancel));
        (code, said) = await MeteringAsync(service, "timeseries", "status");
        Assert.True(code == 0 && said.Contains("InfluxDB 1, /write", StringComparison.Ordinal) && said.Contains("writing", StringComparison.Ordinal), said);
        var metrics = await service.TextAsync("metrics", "text/plain", Cancel);
        Assert.Contains("metering_timeseries_behind_batches 0\n", metrics);
        await Promtool.AcceptsAsync(metrics, Cancel);
        service.SaidNoStackTrace();
    }

    [Fact]
    public async Task VictoriaMetrics_has_what_the_ledger_has()
    {
        await using var victoria = await VictoriaServer.StartAsync(Cancel);
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__TimeSeries__Url"] = victoria.Url });
        await service.StartReadyAsync(Cancel);
        await SimulateAsync(service, 1);
        await UntilAsync(service, async () => (await service.GetAsync("v1/time-series", Cancel)).GetProperty("behindBatches").GetInt64() == 0);

        var expected = await ByTenantAsync(service, "kind");
        var actual = await victoria.QueryAsync("sum(sum_over_time(metering_usage_cpu_us[1h])) by (kind)", Start.AddMinutes(59), "kind", Cancel);

        Assert.Equal(expected.OrderBy(pair => pair.Key), actual.OrderBy(pair => pair.Key));
        Assert.Contains("InfluxDB 2, /api/v2/write", (await service.GetAsync("v1/time-series", Cancel)).GetProperty("api").GetString());
    }

    [Fact]
    public async Task Hostile_names_read_back_from_both_as_they_were_meant()
    {
        string[] names = ["plain", "a b,c=d", @"a\x2db", "ends\\", @"a\,b", @"a\\b", "two\nlines\r\t", "\"quoted\"", "naïve 😀", "# no comment", "'; DROP DATABASE metering", "=cmd|' /C calc'!A0"];
        await using var influx = await InfluxServer.StartAsync(Cancel);
        await using var victoria = await VictoriaServer.StartAsync(Cancel);
        var lines = new LineBuffer();
        foreach (var name in names)
        {
            lines.Begin("hostile");
            lines.Tag("name", name);
            lines.Field("f", 1L);
            lines.End(Start.ToUnixTimeSeconds() * 1_000_000_000);
        }

        using var client = new HttpClient();
        foreach (var url in new[] { influx.Url + "/write?db=metering&precision=ns", victoria.Url + "/api/v2/write?precision=ns" })
            (await client.PostAsync(new Uri(url), new ByteArrayContent(lines.Lines(0, lines.Count).ToArray()), Cancel)).EnsureSuccessStatusCode();

        var expected = names.Select(LineText.Stored).Order(StringComparer.Ordinal);
        var values = await influx.QueryAsync("SHOW TAG VALUES FROM hostile WITH KEY = \"name\"", Cancel);
        Assert.Equal(expected, values[0].GetProperty("values").EnumerateArray().Select(row => row[1].GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal(expected, (await victoria.QueryAsync("hostile_f", Start.AddMinutes(1), "name", Cancel)).Keys.Order(StringComparer.Ordinal));
    }

    // 4 hosts of 10 workloads, 60 passes of 10 s: 2,400 records in 240 batches.
    private static async Task SimulateAsync(ServiceProcess service, int seed)
    {
        var from = Start.AddDays(seed - 1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var (code, said) = await MeteringAsync(service, "simulate", "--hosts", "4", "--workloads", "10", "--passes", "60", "--seed", seed.ToString(CultureInfo.InvariantCulture), "--from", from);
        Assert.True(code == 0, said);
    }

    private static async Task<(int Code, string Said)> MeteringAsync(ServiceProcess service, params string[] arguments)
    {
        await using var client = MeteringProcess.Launch([.. arguments, "--url", service.Url, "--key", ServiceProcess.AdminKey]);
        var code = await client.WaitForExitAsync(Soon, Cancel);
        return (code, client.Output);
    }

    private static async Task WrittenAsync(ServiceProcess service, InfluxServer influx, int points)
    {
        await UntilAsync(service, async () => (await service.GetAsync("v1/time-series", Cancel)).GetProperty("behindBatches").GetInt64() == 0);
        Assert.Equal(points, await influx.NumberAsync(Points, Cancel));
    }

    private static async Task SameAsync(ServiceProcess service, InfluxServer influx)
    {
        var expected = await ByTenantAsync(service, "tenant");
        var series = await influx.QueryAsync("SELECT sum(\"cpu_us\") FROM metering_usage GROUP BY tenant", Cancel);
        var actual = series.ToDictionary(one => one.GetProperty("tags").GetProperty("tenant").GetString()!, one => one.GetProperty("values")[0][1].GetDecimal());
        Assert.Equal(expected.OrderBy(pair => pair.Key), actual.OrderBy(pair => pair.Key));
    }

    private static async Task<Dictionary<string, decimal>> ByTenantAsync(ServiceProcess service, string dimension)
    {
        var page = await service.GetAsync($"v1/usage?from=2026-11-01&to=2026-11-21&step=total&groupBy={dimension}", Cancel);
        return page.GetProperty("rows").EnumerateArray().ToDictionary(row => row.GetProperty("key").GetProperty(dimension).GetString()!, row => row.GetProperty("quantities").GetProperty("cpuSeconds").GetDecimal() * 1_000_000);
    }

    private static async Task UntilAsync(ServiceProcess service, Func<Task<bool>> holds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Soon, $"It did not happen in time:\n{service.Output}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
        }
    }
}
