using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Exposition;
using Metering.Messages;
using Metering.Meters;
using Metering.Tests.Exposition;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Grafana;

/// <summary>Every query of every panel and variable, as Grafana would send it, against real servers after a simulated day.</summary>
public sealed partial class DashboardQueryTests
{
    private const string Prometheus = "/usr/bin/prometheus";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);
    private readonly List<string> _empty = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_panel_has_data_after_a_simulated_day()
    {
        ServerPackages.Require(Prometheus, "prometheus");
        await using var influx = await InfluxServer.StartAsync(Cancel);
        using var receiver = new WebhookReceiver();
        receiver.Open();
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__TimeSeries__Url"] = influx.Url, ["METERING__Alerts__AllowedAddresses"] = receiver.Address });
        await service.StartReadyAsync(Cancel);
        var agentUrl = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}");
        await using var agent = await AgentProcess.OverHttpAsync(service, "real", Cancel, agentUrl);
        agent.Start();
        await ConfigureAsync(service, receiver);
        await SimulateAsync(service);
        await EveryMeterAsync(service);
        await service.FirstPassAsync(Cancel);
        await service.Child.WaitUntilAsync(
            async token => (await service.GetAsync("v1/time-series", token)).GetProperty("behindBatches").GetInt64() < 5 && !receiver.All.IsEmpty, "the series had the day and the alert was sent", Soon, Cancel);

        // A real agent goes on sending, so that the last batches are never all there: this one has to be.
        await service.Child.WaitUntilAsync(async token => (await influx.QueryAsync("SELECT count(\"cpu_throttled_us\") FROM \"metering_usage\" WHERE \"host\" = 'every-meter'", token)).Length > 0, "the series had every meter", Soon, Cancel);

        foreach (var dashboard in Dashboard.All())
        {
            foreach (var (where, target) in dashboard.Targets("metering-influxdb")) await InfluxAsync(influx, where, target.GetProperty("query").GetString()!);
            foreach (var (where, variable) in dashboard.Variables("metering-influxdb")) await InfluxAsync(influx, where, variable.GetProperty("query").GetString()!);
            foreach (var (where, target) in dashboard.Targets("metering-api")) await ApiAsync(service, where, target);
        }

        await PrometheusAsync(service, agentUrl);

        Assert.True(_empty.Count == 0, string.Join('\n', _empty));
        service.SaidNoStackTrace();
    }

    private static async Task ConfigureAsync(ServiceProcess service, WebhookReceiver receiver)
    {
        await service.SendAsync(HttpMethod.Put, "v1/price-books/standard/versions/1", new
        {
            currency = "EUR", validFrom = "2026-01-01T00:00:00Z", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = 0.04 }, new { meter = "memoryByteSeconds", unit = "GiB-Hours", price = 0.005 } },
        }, Cancel);
        for (var i = 1; i <= 8; i++) await service.SendAsync(HttpMethod.Put, $"v1/tenants/tenant-{i}", new { name = $"Tenant {i}", timeZone = "UTC", currency = "EUR", priceBook = "standard" }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/ownership-rules", new
        {
            rules = Enumerable.Range(1, 8).Select(i => new { match = new { label = new Dictionary<string, string> { ["tenant"] = $"tenant-{i}" } }, tenant = $"tenant-{i}", project = "shop" }),
        }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/webhooks/ops", new { url = $"http://{receiver.Address}/hook" }, Cancel);
        for (var i = 1; i <= 8; i++)
        {
            await service.SendAsync(HttpMethod.Put, $"v1/quotas/cpu-{i}", new
            {
                subject = new { tenant = $"tenant-{i}" }, meter = "cpuSeconds", window = "month", limit = 1_000_000, thresholds = new[] { 1, 100 }, notify = new[] { "ops" },
            }, Cancel);
        }
    }

    // A day of 3 hosts with 24 workloads each, in windows of a quarter of an hour.
    private static async Task SimulateAsync(ServiceProcess service)
    {
        await using var simulate = MeteringProcess.Launch(["simulate", "--hosts", "3", "--workloads", "24", "--passes", "96", "--interval", "15min", "--url", service.Url, "--key", ServiceProcess.AdminKey]);
        Assert.True(await simulate.WaitForExitAsync(Soon, Cancel) == 0, simulate.Output);
    }

    private static async Task EveryMeterAsync(ServiceProcess service)
    {
        var now = TimeProvider.System.GetUtcNow();
        var batch = new UsageBatch
        {
            Host = "every-meter", AgentEpoch = "every-meter", FirstSequence = 1, Sequence = 1, Schema = 1,
            WindowStart = Timestamp.FromDateTimeOffset(now.AddMinutes(-10)), WindowEnd = Timestamp.FromDateTimeOffset(now.AddMinutes(-9)),
        };
        var usage = new WorkloadUsage { Kind = "raw", Id = "/every", Name = "every, meter", Path = "/every", Inode = 1 };
        foreach (var meter in MeterCatalogue.All) usage.Meters.Add(new MeterReading { Meter = meter.Wire, Quantity = 12_345, End = 12_345, Availability = Availability.Exact });
        batch.Workloads.Add(usage);
        Assert.Equal(System.Net.HttpStatusCode.OK, (await new BatchDouble(batch).PostAsync(service.Client, Cancel)).Status);
    }

    private async Task InfluxAsync(InfluxServer influx, string where, string query)
    {
        var sent = query.Replace("$timeFilter", "time >= now() - 24h", StringComparison.Ordinal).Replace("$__interval_ms", "900000", StringComparison.Ordinal).Replace("$__interval", "15m", StringComparison.Ordinal)
            .Replace("$tenant", ".*", StringComparison.Ordinal).Replace("$host", ".*", StringComparison.Ordinal).Replace("$workload", ".*", StringComparison.Ordinal);
        Assert.False(Variable().IsMatch(sent), $"{where}: {sent}");
        var series = await influx.QueryAsync(sent, Cancel);
        if (!series.Any(one => one.GetProperty("values").EnumerateArray().Any(row => row.EnumerateArray().Skip(1).Any(value => value.ValueKind != JsonValueKind.Null)))) _empty.Add($"{where}: {sent}");
    }

    private async Task ApiAsync(ServiceProcess service, string where, JsonElement target)
    {
        var now = TimeProvider.System.GetUtcNow();
        var url = target.GetProperty("url").GetString()!.Replace("${__from:date:iso}", now.AddDays(-1).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("${__to:date:iso}", now.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Assert.False(Variable().IsMatch(url), $"{where}: {url}");
        var answer = await service.GetAsync(url.TrimStart('/'), Cancel);
        var root = target.GetProperty("root_selector").GetString()!;
        var rows = (root.Length == 0 ? answer : answer.GetProperty(root)).EnumerateArray().ToArray();
        foreach (var column in target.GetProperty("columns").EnumerateArray().Select(column => column.GetProperty("selector").GetString()!))
        {
            if (!rows.Any(row => Select(row, column))) _empty.Add($"{where}: {url} has no {column}");
        }
    }

    private static bool Select(JsonElement row, string selector)
    {
        foreach (var name in selector.Split('.'))
        {
            if (row.ValueKind != JsonValueKind.Object || !row.TryGetProperty(name, out row)) return false;
        }

        return row.ValueKind is not (JsonValueKind.Null or JsonValueKind.Object or JsonValueKind.Array);
    }

    private async Task PrometheusAsync(ServiceProcess service, string agentUrl)
    {
        var key = (await service.SendAsync(HttpMethod.Post, "v1/api-keys", new { role = "scrape" }, Cancel)).GetProperty("secret").GetString();
        using var directory = new TestDirectory();
        var now = TimeProvider.System.GetUtcNow();
        using var agent = new HttpClient();
        var scrapes = new List<(string, string)>();
        foreach (var (job, url, client) in new[] { ("metering", service.Url, service.Client), ("agents", agentUrl, agent) })
        {
            Check(await ScrapeAsync(client, url, ExpositionFormat.PrometheusText), ExpositionFormat.PrometheusText, job);
            scrapes.Add((job, await ScrapeAsync(client, url, ExpositionFormat.OpenMetrics)));
            Check(scrapes[^1].Item2, ExpositionFormat.OpenMetrics, job);
        }

        await Backfill.WriteAsync(scrapes, now, directory.Path, Cancel);
        await File.WriteAllTextAsync(directory.File("prometheus.yml"), $$"""
            global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
            rule_files: [ {{Path.Combine(RepositoryFiles.Root, "deploy", "prometheus", "metering-rules.yml")}} ]
            scrape_configs:
              - job_name: metering
                authorization: { credentials: {{key}} }
                static_configs: [ { targets: [ '{{new Uri(service.Url).Authority}}' ] } ]
              - job_name: agents
                static_configs: [ { targets: [ '{{new Uri(agentUrl).Authority}}' ] } ]
            """, Cancel);
        var port = Ports.Free();
        await using var server = ChildProcess.Start(Prometheus, [$"--config.file={directory.File("prometheus.yml")}", $"--storage.tsdb.path={directory.File("data")}", $"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=1y"]);
        using var prometheus = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")) };

        // Scraped by its own key, and what it reads is what the API says.
        await server.WaitUntilAsync(async _ => await CountAsync(prometheus, "query?query=" + Uri.EscapeDataString("up == 1")) == 2, "both were scraped", Soon, Cancel);
        var live = await AnswerAsync(prometheus, "query?query=" + Uri.EscapeDataString("metering_usage_memory_byte_seconds_total{job=\"metering\",tenant=\"tenant-1\"}"));
        var usage = await service.GetAsync("v1/usage?from=3d&to=now&step=total&groupBy=tenant&filter=tenant:tenant-1", Cancel);
        Assert.Equal(usage.GetProperty("rows")[0].GetProperty("quantities").GetProperty("memoryByteSeconds").GetDouble(), double.Parse(live[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture));
        live = await AnswerAsync(prometheus, "query?query=" + Uri.EscapeDataString("metering_cost_month{job=\"metering\",tenant=\"tenant-1\",currency=\"EUR\"}"));
        var costs = await service.GetAsync("v1/costs?from=thisMonth&to=now&step=total&groupBy=tenant&filter=tenant:tenant-1", Cancel);
        Assert.Equal(costs.GetProperty("rows")[0].GetProperty("cost").GetDouble(), double.Parse(live[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture), 6);
        await server.WaitUntilAsync(async _ => await CountAsync(prometheus, "query?query=metering%3Ausage_cpu_cores%3Arate5m") > 0, "the recording rules had results", Soon, Cancel);

        foreach (var dashboard in Dashboard.All())
        {
            foreach (var (where, target) in dashboard.Targets("metering-prometheus"))
            {
                var query = target.GetProperty("expr").GetString()!.Replace("$__rate_interval", "15m", StringComparison.Ordinal).Replace("$__range", "24h", StringComparison.Ordinal)
                    .Replace("$tenant", ".*", StringComparison.Ordinal).Replace("$host", ".*", StringComparison.Ordinal);
                Assert.False(Variable().IsMatch(query), $"{where}: {query}");
                var (from, to) = (now.AddHours(-6).ToUnixTimeSeconds(), now.AddMinutes(-6).ToUnixTimeSeconds());
                var path = target.TryGetProperty("instant", out var instant) && instant.GetBoolean()
                    ? string.Create(CultureInfo.InvariantCulture, $"query?time={to}&query={Uri.EscapeDataString(query)}")
                    : string.Create(CultureInfo.InvariantCulture, $"query_range?start={from}&end={to}&step=300&query={Uri.EscapeDataString(query)}");
                if (await CountAsync(prometheus, path) == 0) _empty.Add($"{where}: {query}");
            }

            foreach (var (where, variable) in dashboard.Variables("metering-prometheus"))
            {
                var parts = variable.GetProperty("query").GetProperty("query").GetString()!.Split('(', ',', ')');
                var values = JsonSerializer.Deserialize<JsonElement>(await prometheus.GetStringAsync(new Uri($"/api/v1/label/{parts[2].Trim()}/values?match[]={parts[1].Trim()}", UriKind.Relative), Cancel));
                if (values.GetProperty("data").GetArrayLength() == 0) _empty.Add(where);
            }
        }
    }

    // By the letter of the format; usage only grows, money can go down.
    private static void Check(string text, ExpositionFormat format, string job)
    {
        var parsed = StrictParser.Parse(text, format);
        Assert.Contains(parsed.Types, type => type.Key.StartsWith(job == "metering" ? "metering_usage_cpu_seconds" : "metering_agent_passes", StringComparison.Ordinal));
        Assert.All(parsed.Types.Where(type => type.Key.StartsWith("metering_usage_", StringComparison.Ordinal)), type => Assert.Equal("counter", type.Value));
        Assert.All(parsed.Types.Where(type => type.Key.StartsWith("metering_cost_", StringComparison.Ordinal) || type.Key.StartsWith("metering_quota_", StringComparison.Ordinal)), type => Assert.Equal("gauge", type.Value));
    }

    private static async Task<string> ScrapeAsync(HttpClient client, string url, ExpositionFormat format)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(url + "/metrics"));
        request.Headers.TryAddWithoutValidation("Accept", format == ExpositionFormat.OpenMetrics ? "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5" : "text/plain;version=0.0.4");
        using var response = await client.SendAsync(request, Cancel);
        Assert.Equal(format.ContentType(), response.Content.Headers.ContentType!.ToString());
        return await response.Content.ReadAsStringAsync(Cancel);
    }

    private static async Task<int> CountAsync(HttpClient client, string path)
    {
        try
        {
            return (await AnswerAsync(client, path)).Length;
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }

    private static async Task<JsonElement[]> AnswerAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri("/api/v1/" + path, UriKind.Relative), Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        var answer = text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text) : throw new HttpRequestException(text);
        if (answer.GetProperty("status").GetString() != "success") throw new InvalidOperationException($"{answer.GetProperty("error").GetString()}: {Uri.UnescapeDataString(path)}");
        return [.. answer.GetProperty("data").GetProperty("result").EnumerateArray()];
    }

    // A variable that was not filled in; the end of a regular expression is none.
    [GeneratedRegex("\\$[a-zA-Z_{]")]
    private static partial Regex Variable();
}
