using System.Buffers;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Metering.Exposition;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Exposition;

/// <summary>The real Prometheus is the judge of what we write.</summary>
public sealed class PromtoolTests
{
    private const string Promtool = "/usr/bin/promtool";
    private const string Prometheus = "/usr/bin/prometheus";
    private const string HostileValue = "line\nbreak \"quoted\" back\\slash 😀 }";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Promtool_finds_no_fault_in_the_text()
    {
        ServerPackages.Require(Promtool, "prometheus");
        using var collector = new MetricsCollector(new MetricsCollectorOptions { MeterPrefix = "Metering.E2E.Promtool" });
        using var meter = new Meter("Metering.E2E.Promtool");
        Record(meter);
        using var source = collector.AddSource(writer => writer.Counter("metering_tenant_cpu_seconds_total", "CPU billed.", "s").Sample(1.25, ("tenant", HostileValue)));
        var text = new ArrayBufferWriter<byte>();
        collector.Write(ExpositionFormat.PrometheusText, text);

        var output = await ChildProcess.RunAsync(Promtool, ["check", "metrics"], Timeout, Cancel, Encoding.UTF8.GetString(text.WrittenSpan));

        Assert.Equal("", output);
    }

    [Fact]
    public async Task Each_alert_fires_for_its_fault_and_for_nothing_else()
    {
        ServerPackages.Require(Promtool, "prometheus");
        var rules = Path.Combine(RepositoryFiles.Root, "deploy", "prometheus");

        Assert.Contains("SUCCESS", await ChildProcess.RunAsync(Promtool, ["check", "rules", Path.Combine(rules, "metering-rules.yml")], Timeout, Cancel));
        Assert.Contains("SUCCESS", await ChildProcess.RunAsync(Promtool, ["test", "rules", Path.Combine(rules, "metering-rules.test.yml")], Timeout, Cancel));
    }

    [Fact]
    public async Task Prometheus_reads_both_formats_as_they_were_meant()
    {
        ServerPackages.Require(Prometheus, "prometheus");
        using var collector = new MetricsCollector(new MetricsCollectorOptions { MeterPrefix = "Metering.E2E.Prometheus" });
        using var meter = new Meter("Metering.E2E.Prometheus");
        Record(meter);
        await using var target = await ServeAsync(collector);
        var directory = Directory.CreateTempSubdirectory("metering-prometheus-");
        var port = Ports.Free();
        var address = new Uri(target.Urls.First()).Authority;
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, "prometheus.yml"), $$"""
            global: { scrape_interval: 200ms, scrape_timeout: 200ms }
            scrape_configs:
              - job_name: openmetrics
                static_configs: [ { targets: ['{{address}}'] } ]
              - job_name: text
                metrics_path: /text
                static_configs: [ { targets: ['{{address}}'] } ]
            """, Cancel);
        try
        {
            await using var server = ChildProcess.Start(Prometheus, [
                $"--config.file={directory.FullName}/prometheus.yml", $"--storage.tsdb.path={directory.FullName}/data", $"--web.listen-address=127.0.0.1:{port}"]);
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

            var quoted = HostileValue.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
            foreach (var job in new[] { "openmetrics", "text" })
            {
                await server.WaitUntilAsync(async cancel => await QueryAsync(client, $"up{{job=\"{job}\"}}", cancel) is ["1", ..], $"a good scrape of {job}", Timeout, Cancel);
                Assert.Equal(["3"], await QueryAsync(client, $"metering_ingest_batches_total{{job=\"{job}\",result=\"committed\"}}", Cancel));
                Assert.Equal(["1"], await QueryAsync(client, $"metering_ingest_batches_total{{job=\"{job}\",result=\"{quoted}\"}}", Cancel));
                Assert.Equal(["2"], await QueryAsync(client, $"metering_ship_duration_seconds_bucket{{job=\"{job}\",le=\"+Inf\"}}", Cancel));
                Assert.Equal(["-3"], await QueryAsync(client, $"metering_ingest_open_deliveries{{job=\"{job}\"}}", Cancel));
            }

            var metadata = await client.GetStringAsync("/api/v1/metadata?metric=metering_ledger_commit_seconds", Cancel);
            Assert.Contains("\"type\":\"counter\",\"help\":\"Time in commits.\",\"unit\":\"seconds\"", metadata);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static void Record(Meter meter)
    {
        var batches = meter.CreateCounter<long>("metering.ingest.batches", "{batches}", "Batches, by \"result\".\nIn two lines, with a \\.");
        batches.Add(3, new KeyValuePair<string, object?>("result", "committed"));
        batches.Add(1, new KeyValuePair<string, object?>("result", HostileValue));
        meter.CreateCounter<double>("metering_ledger_commit_seconds_total", "s", "Time in commits.").Add(0.75);
        meter.CreateUpDownCounter<int>("metering_ingest_open_deliveries", null, "Open deliveries.").Add(-3);
        meter.CreateObservableGauge("metering_clock_offset_seconds", () => -1.25e-5, "s", "Clock against the service.");
        var duration = meter.CreateHistogram<double>("metering_ship_duration_seconds", "s", "Publish to confirm.");
        duration.Record(0.02);
        duration.Record(1e9);
    }

    private static async Task<WebApplication> ServeAsync(MetricsCollector collector)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapGet("/metrics", context =>
        {
            var format = ExpositionFormats.Negotiate(context.Request.Headers.Accept);
            Assert.Equal(ExpositionFormat.OpenMetrics, format);
            return AnswerAsync(context, collector, format);
        });
        app.MapGet("/text", context => AnswerAsync(context, collector, ExpositionFormat.PrometheusText));
        await app.StartAsync(Cancel);
        return app;
    }

    private static async Task AnswerAsync(HttpContext context, MetricsCollector collector, ExpositionFormat format)
    {
        context.Response.ContentType = format.ContentType();
        collector.Write(format, context.Response.BodyWriter);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    // The values of an instant query; empty while the server does not answer yet.
    private static async Task<string[]> QueryAsync(HttpClient client, string query, CancellationToken cancel)
    {
        try
        {
            using var answer = JsonDocument.Parse(await client.GetStringAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}", cancel));
            return [.. answer.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().Select(series => series.GetProperty("value")[1].GetString()!)];
        }
        catch (HttpRequestException)
        {
            return [];
        }
    }
}
