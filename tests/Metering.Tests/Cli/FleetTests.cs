using System.Security.Cryptography;
using Metering.Agent.Shipping;
using Metering.Cli.Commands;
using Metering.Cli.Simulation;
using Metering.Messages;
using Metering.Meters;
using Metering.Safety;
using Metering.Service.Ingest;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class FleetTests
{
    private static readonly DateTimeOffset From = new(2026, 10, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly FleetOptions Small = new(2, 7, 3, TimeSpan.FromSeconds(10), 42, From);

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        Assert.Equal(Bytes(Small), Bytes(Small));
        Assert.NotEqual(Bytes(Small), Bytes(Small with { Seed = 43 }));

        // Bytes of before: a change here makes old simulations forks of new ones.
        Assert.Equal("BA2547115E0F", Convert.ToHexString(SHA256.HashData(Bytes(Small)))[..12]);
    }

    [Fact]
    public void Another_run_has_other_epochs() => Assert.NotEqual(Batches(Small)[0].Epoch, Batches(Small with { Passes = 4 })[0].Epoch);

    [Fact]
    public void The_totals_are_the_sum_of_what_is_sent()
    {
        var totals = new decimal[Fleet.Meters.Count];
        var sums = new decimal[Fleet.Meters.Count];
        foreach (var batch in Batches(Small, totals))
        {
            foreach (var reading in UsageBatch.Parser.ParseFrom(batch.Bytes.Span).Workloads.SelectMany(record => record.Meters))
            {
                Assert.Equal(reading.Quantity, reading.End - reading.Start);
                sums[Fleet.Meters.ToList().FindIndex(meter => meter.Wire == reading.Meter)] += reading.Quantity;
            }
        }

        Assert.Equal(sums, totals);
        Assert.All(totals, total => Assert.True(total > 0));
        Assert.All(Fleet.Meters, meter => Assert.Equal(MeterKind.Sum, meter.Kind));
    }

    [Fact]
    public void The_service_can_read_every_batch_and_large_hosts_are_cut()
    {
        var fleet = new Fleet(Small with { Hosts = 1, Workloads = 1201, Passes = 2 });
        var batches = fleet.BatchesOf(0, new decimal[Fleet.Meters.Count]).ToList();
        Assert.Equal(6, batches.Count);
        Assert.Equal(fleet.Batches, batches.Count);
        Assert.All(batches, batch => Assert.InRange(batch.Bytes.Length, 1, 256 * 1024));
        foreach (var batch in batches)
        {
            var decoded = BatchDecoder.Decode(batch.Bytes, From.AddDays(1), out var fault);
            Assert.Null(fault);
            Assert.Equal(0, decoded.UnknownMeters);
        }
    }

    [Theory]
    [InlineData(0, 1, 1, "10s", null)]
    [InlineData(1, 0, 1, "10s", null)]
    [InlineData(1, 1, 0, "10s", null)]
    [InlineData(1, 1, 1, "7s", null)]
    [InlineData(1, 1, 1, "abc", null)]
    [InlineData(1, 1, 1, "10s", "2026-10-01T00:00:03Z")]
    [InlineData(1, 1, 1, "10s", "2999-10-01T00:00:00Z")]
    [InlineData(1, 1, 1, "10s", "soon")]
    public void Wrong_options_are_usage_errors(int hosts, int workloads, int passes, string interval, string? from) =>
        Assert.Equal(2, Assert.Throws<UserErrorException>(() => SimulateCommand.Options(hosts, workloads, passes, interval, 1, from, From)).ExitCode);

    [Fact]
    public void Windows_end_at_the_last_instant_of_the_grid() =>
        Assert.Equal(From, SimulateCommand.Options(1, 1, 6, "10s", 1, null, From.AddSeconds(9)).To);

    private static List<OutgoingBatch> Batches(FleetOptions options, decimal[]? totals = null)
    {
        var fleet = new Fleet(options);
        return [.. Enumerable.Range(0, options.Hosts).SelectMany(host => fleet.BatchesOf(host, totals ?? new decimal[Fleet.Meters.Count]))];
    }

    private static byte[] Bytes(FleetOptions options) => [.. Batches(options).SelectMany(batch => batch.Bytes.ToArray())];
}
