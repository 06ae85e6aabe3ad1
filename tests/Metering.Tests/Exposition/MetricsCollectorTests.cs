using System.Diagnostics.Metrics;
using System.Text;
using Metering.Exposition;
using Xunit;

namespace Metering.Tests.Exposition;

public sealed class MetricsCollectorTests
{
    [Fact]
    public void Both_formats_are_written_as_specified()
    {
        using var collector = Scrape.Collector("Metering.T.Golden");
        using var meter = new Meter("Metering.T.Golden");
        var batches = meter.CreateCounter<long>("metering.ingest.batches-total", "{batches}", "Batches, by \"result\" of C:\\ingest\nand more.");
        batches.Add(2, new KeyValuePair<string, object?>("result", "committed"));
        batches.Add(1, new KeyValuePair<string, object?>("result", "dup\"li\\cate\n"));
        var spent = meter.CreateCounter<double>("metering_ledger_commit_seconds_total", "s", "Time in commits.");
        spent.Add(0.5);
        spent.Add(1);
        meter.CreateUpDownCounter<int>("metering_ingest_open", null, "Open deliveries.").Add(-3);
        meter.CreateObservableGauge("metering_clock_offset", () => -0.0000125, "ms");
        var latency = meter.CreateHistogram("metering_ship_duration_seconds", "s", "Publish to confirm.", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1, 5] });
        latency.Record(0.5, new KeyValuePair<string, object?>("transport", "http"));
        latency.Record(7.25, new KeyValuePair<string, object?>("transport", "http"));

        Assert.Equal("""
            # HELP metering_clock_offset Unit: milliseconds.
            # TYPE metering_clock_offset gauge
            metering_clock_offset -1.25e-05
            # HELP metering_ingest_batches_total Batches, by "result" of C:\\ingest\nand more.
            # TYPE metering_ingest_batches_total counter
            metering_ingest_batches_total{result="committed"} 2
            metering_ingest_batches_total{result="dup\"li\\cate\n"} 1
            # HELP metering_ingest_open Open deliveries.
            # TYPE metering_ingest_open gauge
            metering_ingest_open -3
            # HELP metering_ledger_commit_seconds_total Time in commits.
            # TYPE metering_ledger_commit_seconds_total counter
            metering_ledger_commit_seconds_total 1.5
            # HELP metering_ship_duration_seconds Publish to confirm.
            # TYPE metering_ship_duration_seconds histogram
            metering_ship_duration_seconds_bucket{transport="http",le="0.5"} 1
            metering_ship_duration_seconds_bucket{transport="http",le="1"} 1
            metering_ship_duration_seconds_bucket{transport="http",le="5"} 1
            metering_ship_duration_seconds_bucket{transport="http",le="+Inf"} 2
            metering_ship_duration_seconds_sum{transport="http"} 7.75
            metering_ship_duration_seconds_count{transport="http"} 2

            """, Scrape.WithoutOwn(collector.Text(ExpositionFormat.PrometheusText)));
        Assert.Equal("""
            # HELP metering_clock_offset Unit: milliseconds.
            # TYPE metering_clock_offset gauge
            metering_clock_offset -1.25e-05
            # HELP metering_ingest_batches Batches, by \"result\" of C:\\ingest\nand more.
            # TYPE metering_ingest_batches counter
            metering_ingest_batches_total{result="committed"} 2
            metering_ingest_batches_total{result="dup\"li\\cate\n"} 1
            # HELP metering_ingest_open Open deliveries.
            # TYPE metering_ingest_open gauge
            metering_ingest_open -3
            # HELP metering_ledger_commit_seconds Time in commits.
            # TYPE metering_ledger_commit_seconds counter
            # UNIT metering_ledger_commit_seconds seconds
            metering_ledger_commit_seconds_total 1.5
            # HELP metering_ship_duration_seconds Publish to confirm.
            # TYPE metering_ship_duration_seconds histogram
            # UNIT metering_ship_duration_seconds seconds
            metering_ship_duration_seconds_bucket{transport="http",le="0.5"} 1
            metering_ship_duration_seconds_bucket{transport="http",le="1.0"} 1
            metering_ship_duration_seconds_bucket{transport="http",le="5.0"} 1
            metering_ship_duration_seconds_bucket{transport="http",le="+Inf"} 2
            metering_ship_duration_seconds_sum{transport="http"} 7.75
            metering_ship_duration_seconds_count{transport="http"} 2
            # EOF

            """, Scrape.WithoutOwn(collector.Text(ExpositionFormat.OpenMetrics)));
    }

    [Theory]
    [InlineData(null, ExpositionFormat.PrometheusText)]
    [InlineData("", ExpositionFormat.PrometheusText)]
    [InlineData("*/*", ExpositionFormat.PrometheusText)]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8", ExpositionFormat.PrometheusText)]
    [InlineData("application/json", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text", ExpositionFormat.OpenMetrics)]
    [InlineData("Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", ExpositionFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;version=0.0.1", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text;q=0", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text;q=x", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text;q=0.2,text/plain;version=0.0.4;q=0.3", ExpositionFormat.PrometheusText)]
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", ExpositionFormat.OpenMetrics)]
    [InlineData("application/vnd.google.protobuf;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3", ExpositionFormat.OpenMetrics)]
    public void The_accept_header_decides_the_format(string? accept, ExpositionFormat expected) => Assert.Equal(expected, ExpositionFormats.Negotiate(accept));

    [Fact]
    public void Two_meters_with_one_instrument_name_are_one_family()
    {
        using var collector = Scrape.Collector("Metering.T.Twice");
        using var agent = new Meter("Metering.T.Twice.Agent");
        using var service = new Meter("Metering.T.Twice.Service");
        agent.CreateCounter<long>("metering_errors_total").Add(1);
        service.CreateCounter<int>("metering.errors").Add(2);
        agent.CreateObservableCounter("metering_seen_total", () => 10L);
        service.CreateObservableCounter("metering_seen_total", () => 5L);

        var parsed = collector.Parse(ExpositionFormat.OpenMetrics);

        Assert.Equal(3, parsed.Samples["metering_errors_total{}"]);
        Assert.Equal(15, parsed.Samples["metering_seen_total{}"]);
    }

    [Fact]
    public void A_name_in_use_by_another_type_gets_the_type_as_suffix()
    {
        using var collector = Scrape.Collector("Metering.T.Clash");
        using var meter = new Meter("Metering.T.Clash");
        meter.CreateCounter<long>("x_total").Add(1);
        meter.CreateGauge<long>("x").Record(2);
        meter.CreateHistogram<long>("x").Record(1);
        meter.CreateGauge<long>("x_histogram_count").Record(3);

        foreach (var format in Enum.GetValues<ExpositionFormat>())
        {
            var samples = collector.Parse(format).Samples;
            Assert.Equal(1, samples["x_total{}"]);
            Assert.Equal(2, samples["x_gauge{}"]);
            Assert.Equal(1, samples["x_histogram_count{}"]);
            Assert.Equal(3, samples["x_histogram_count_gauge{}"]);
        }
    }

    [Fact]
    public void Series_beyond_the_limit_share_one_and_are_counted()
    {
        using var collector = Scrape.Collector("Metering.T.Cap", maxSeries: 3);
        using var meter = new Meter("Metering.T.Cap");
        var counter = meter.CreateCounter<long>("capped_total");
        var gauge = meter.CreateGauge<long>("capped_level");
        for (var i = 0; i < 10; i++)
        {
            counter.Add(1, new KeyValuePair<string, object?>("id", i));
            gauge.Record(i, new KeyValuePair<string, object?>("id", i));
        }

        counter.Add(5, new KeyValuePair<string, object?>("id", 0));

        var samples = collector.Parse(ExpositionFormat.OpenMetrics).Samples;
        Assert.Equal(6, samples["capped_total{id=\"0\"}"]);
        Assert.Equal(7, samples["capped_total{overflow=\"true\"}"]);
        Assert.Equal(3, samples.Keys.Count(key => key.StartsWith("capped_level{")));
        Assert.Equal(14, samples["metering_exposition_overflow_measurements_total{}"]);
    }

    [Fact]
    public void Idle_and_finished_counters_stay_while_a_gauge_no_longer_observed_goes()
    {
        using var collector = Scrape.Collector("Metering.T.Idle");
        var hosts = new List<string> { "a", "b" };
        var meter = new Meter("Metering.T.Idle");
        meter.CreateCounter<long>("idle_total").Add(4);
        meter.CreateObservableCounter("observed_total", () => hosts.Select(host => new Measurement<long>(7, new KeyValuePair<string, object?>("host", host))));
        meter.CreateObservableGauge("level", () => hosts.Select(host => new Measurement<long>(1, new KeyValuePair<string, object?>("host", host))));
        Assert.Equal(1, collector.Parse(ExpositionFormat.OpenMetrics).Samples["level{host=\"b\"}"]);

        hosts.Remove("b");
        var later = collector.Parse(ExpositionFormat.OpenMetrics).Samples;
        meter.Dispose();
        var last = collector.Parse(ExpositionFormat.OpenMetrics).Samples;

        Assert.False(later.ContainsKey("level{host=\"b\"}"));
        Assert.Equal(1, later["level{host=\"a\"}"]);
        foreach (var samples in new[] { later, last })
        {
            Assert.Equal(4, samples["idle_total{}"]);
            Assert.Equal(7, samples["observed_total{host=\"b\"}"]);
            Assert.Equal(7, samples["observed_total{host=\"a\"}"]);
        }
    }

    [Fact]
    public void An_observed_counter_that_starts_again_goes_on_rising()
    {
        using var collector = Scrape.Collector("Metering.T.Restart");
        using var meter = new Meter("Metering.T.Restart");
        var value = 100L;
        meter.CreateObservableCounter("restart_total", () => value);
        Assert.Equal(100, collector.Parse(ExpositionFormat.OpenMetrics).Samples["restart_total{}"]);

        value = 30;
        Assert.Equal(130, collector.Parse(ExpositionFormat.OpenMetrics).Samples["restart_total{}"]);
        value = 40;
        Assert.Equal(140, collector.Parse(ExpositionFormat.OpenMetrics).Samples["restart_total{}"]);
    }

    [Fact]
    public void Integers_beyond_2_to_the_53_keep_every_unit_and_do_not_wrap()
    {
        using var collector = Scrape.Collector("Metering.T.Large");
        using var meter = new Meter("Metering.T.Large");
        var bytes = meter.CreateCounter<long>("large_bytes_total");
        bytes.Add((1L << 53) + 1);
        Assert.Contains("large_bytes_total 9007199254740993\n", collector.Text(ExpositionFormat.OpenMetrics));

        bytes.Add(long.MaxValue);
        Assert.Contains("large_bytes_total 9223372036854775807\n", collector.Text(ExpositionFormat.OpenMetrics));
    }

    [Fact]
    public void Values_that_would_break_a_counter_or_histogram_are_counted_instead()
    {
        using var collector = Scrape.Collector("Metering.T.Bad");
        using var meter = new Meter("Metering.T.Bad");
        var counter = meter.CreateCounter<double>("bad_total");
        foreach (var value in new[] { 1, -1, double.NaN, double.PositiveInfinity }) counter.Add(value);
        meter.CreateHistogram<double>("bad_seconds").Record(-1);
        counter.Add(1, new KeyValuePair<string, object?>("thrower", new Thrower()));

        var samples = collector.Parse(ExpositionFormat.OpenMetrics).Samples;
        Assert.Equal(1, samples["bad_total{}"]);
        Assert.Equal(5, samples["metering_exposition_rejected_measurements_total{}"]);
    }

    [Fact]
    public void A_histogram_of_signed_values_has_no_sum()
    {
        using var collector = Scrape.Collector("Metering.T.Signed");
        using var meter = new Meter("Metering.T.Signed");
        meter.CreateHistogram("offset_seconds", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [-1, 0, 1] }).Record(-0.5);

        Assert.Equal("""
            # TYPE offset_seconds histogram
            # UNIT offset_seconds seconds
            offset_seconds_bucket{le="-1.0"} 0
            offset_seconds_bucket{le="0.0"} 1
            offset_seconds_bucket{le="1.0"} 1
            offset_seconds_bucket{le="+Inf"} 1
            # EOF

            """, Scrape.WithoutOwn(collector.Text(ExpositionFormat.OpenMetrics)));
    }

    [Fact]
    public void Tags_of_meter_and_instrument_are_labels_that_a_measurement_overrides()
    {
        using var collector = Scrape.Collector("Metering.T.Tags");
        using var meter = new Meter("Metering.T.Tags", null, [new("host", "h1"), new("stage", "ship")]);
        meter.CreateCounter<long>("tagged_total", null, null, [new("queue", "q")]).Add(1, new KeyValuePair<string, object?>("stage", "ingest"));

        Assert.Contains("tagged_total{host=\"h1\",queue=\"q\",stage=\"ingest\"} 1\n", collector.Text(ExpositionFormat.OpenMetrics));
    }

    [Fact]
    public void Sources_add_families_and_one_that_fails_costs_only_itself()
    {
        using var collector = Scrape.Collector("Metering.T.Sources");
        using var meter = new Meter("Metering.T.Sources");
        meter.CreateCounter<long>("own_total").Add(1);
        meter.CreateObservableGauge("throwing", NoFigure);
        using var usage = collector.AddSource(writer =>
        {
            var seconds = writer.Counter("metering_tenant_cpu_seconds", "CPU billed.", "s");
            seconds.Sample(1.5, ("tenant", "b"));
            seconds.Sample(2, ("tenant", "a"), ("empty", ""));
            seconds.Sample(3, ("tenant", "a"));
            seconds.Sample(-1, ("tenant", "c"));
            writer.Gauge("metering_tenants", "Tenants.").Sample(2);
        });
        using var failing = collector.AddSource(writer =>
        {
            writer.Gauge("half_written", "").Sample(1);
            throw new TimeoutException();
        });
        using var clashing = collector.AddSource(writer => writer.Counter("own", "").Sample(9));

        var text = collector.Text(ExpositionFormat.OpenMetrics);
        var samples = StrictParser.Parse(text, ExpositionFormat.OpenMetrics).Samples;
        Assert.Equal(5, samples["metering_tenant_cpu_seconds_total{tenant=\"a\"}"]);
        Assert.Equal(1.5, samples["metering_tenant_cpu_seconds_total{tenant=\"b\"}"]);
        Assert.Equal(1, samples["own_total{}"]);
        Assert.Equal(3, samples["metering_exposition_source_failures_total{}"]);
        Assert.DoesNotContain("half_written", text);

        failing.Dispose();
        clashing.Dispose();
        usage.Dispose();
        Assert.DoesNotContain("metering_tenant", collector.Text(ExpositionFormat.OpenMetrics));
    }

    [Fact]
    public async Task A_scrape_goes_to_a_stream()
    {
        using var collector = Scrape.Collector("Metering.T.Stream");
        var stream = new MemoryStream();

        await collector.WriteAsync(ExpositionFormat.OpenMetrics, stream, TestContext.Current.CancellationToken);

        Assert.EndsWith("# EOF\n", Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Equal("application/openmetrics-text; version=1.0.0; charset=utf-8", ExpositionFormat.OpenMetrics.ContentType());
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", ExpositionFormat.PrometheusText.ContentType());
    }

    private static long NoFigure() => throw new InvalidOperationException("no figure");

    private sealed class Thrower
    {
        public override string ToString() => throw new InvalidOperationException("no text");
    }
}
