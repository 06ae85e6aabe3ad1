using Metering.Cli.Demo;
using Metering.Configuration;
using Metering.Messages;
using Metering.Safety;
using Metering.Service.Ingest;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>The fleet of <c>up --demo</c> and the directory that it keeps to.</summary>
public sealed class DemoTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 8, 47, 30, TimeSpan.Zero);
    private readonly string _directory = Path.Combine(Scratch.Root, "demo-" + Path.GetRandomFileName());

    [Fact]
    public void The_history_is_the_month_before_and_this_one_without_a_gap()
    {
        var windows = DemoFleet.Windows(DemoFleet.FirstInstant(Now), Now).ToList();

        Assert.Equal(new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero), windows[0].Start);
        Assert.Equal(Now, windows[^1].End);
        Assert.All(windows.Zip(windows.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
        Assert.All(windows, window => Assert.True(window.End - window.Start is var length && length > TimeSpan.Zero && length <= TimeSpan.FromHours(1)));

        // The live view looks at the last minutes.
        Assert.Equal(12, windows.Count(window => window.End - window.Start == DemoFleet.Pass));
        Assert.Equal([(Now - DemoFleet.Pass, Now)], DemoFleet.Windows(Now - DemoFleet.Pass, Now));
        Assert.Empty(DemoFleet.Windows(Now, Now));
    }

    [Fact]
    public void Batches_are_an_agents_and_say_that_they_are_simulated()
    {
        foreach (var host in DemoFleet.Hosts)
        {
            Assert.StartsWith(DemoFleet.Prefix, host.Id);
            var (series, again) = (new DemoSeries(host, "one"), new DemoSeries(host, "one"));
            var ends = new Dictionary<(string, string), ulong>();
            foreach (var (start, end) in DemoFleet.Windows(Now.AddDays(-1), Now))
            {
                var sent = series.Next(start, end);
                Assert.Equal(sent.Bytes.ToArray(), again.Next(start, end).Bytes.ToArray());
                BatchDecoder.Decode(sent.Bytes, Now, out var fault);
                Assert.Null(fault);
                var batch = UsageBatch.Parser.ParseFrom(sent.Bytes.Span);
                Assert.Equal("true", batch.HostLabels["simulated"]);
                foreach (var workload in batch.Workloads)
                {
                    foreach (var meter in workload.Meters)
                    {
                        Assert.Equal(ends.GetValueOrDefault((workload.Id, meter.Meter)), meter.Start);
                        Assert.Equal(meter.Quantity, meter.End - meter.Start);
                        ends[(workload.Id, meter.Meter)] = meter.End;
                    }
                }

                var cores = batch.Workloads.Sum(workload => (decimal)workload.Meters.Single(meter => meter.Meter == "cpuMicroseconds").Quantity) / (end - start).Ticks * TimeSpan.TicksPerMicrosecond;
                Assert.True(cores < host.Cpus, $"{host.Id} uses {cores} cores of {host.Cpus}");
            }
        }
    }

    [Fact]
    public void A_demo_is_begun_once_and_goes_on()
    {
        var made = DemoDirectory.Open(_directory, new Settings(new Dictionary<string, string?>()), Now);
        Assert.Equal(made, DemoDirectory.Open(_directory, new Settings(new Dictionary<string, string?>()), Now.AddDays(40)));
        Assert.Contains("is the data directory of a demo", Assert.Throws<UserErrorException>(() => DemoDirectory.Refuse(_directory)).Message);
    }

    [Fact]
    public void Real_data_and_a_demo_never_meet()
    {
        Directory.CreateDirectory(_directory);
        DemoDirectory.Refuse(_directory);
        File.WriteAllText(Path.Combine(_directory, "ledger.db"), "");
        Assert.Equal(2, Assert.Throws<UserErrorException>(() => DemoDirectory.Open(_directory, new Settings(new Dictionary<string, string?>()), Now)).ExitCode);
        foreach (var key in (string[])["Ledger:ConnectionString", "Broker:Url", "TimeSeries:Url"])
            Assert.Contains(key, Assert.Throws<UserErrorException>(() => DemoDirectory.Open(_directory + "-new", new Settings(new Dictionary<string, string?> { [key] = "x" }), Now)).Message);
        Assert.False(Directory.Exists(_directory + "-new"));
    }

    public void Dispose()
    {
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }
}
