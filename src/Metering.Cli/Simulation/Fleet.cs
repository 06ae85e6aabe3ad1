using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Agent.Shipping;
using Metering.Messages;
using Metering.Meters;

namespace Metering.Cli.Simulation;

/// <summary>A fleet that does not exist: hosts <c>sim-0001</c>…, each with docker, Kubernetes and systemd workloads of several tenants. Deterministic, batch by batch.</summary>
internal sealed class Fleet(FleetOptions options)
{
    /// <summary>A record has about 400 bytes, so a batch stays below 256 KiB as the agent's do.</summary>
    public const int MaxRecordsPerBatch = 500;

    private const int Tenants = 8;
    private const ulong MaxCpus = 4;

    /// <summary>What is metered, in this order.</summary>
    public static readonly IReadOnlyList<Meter> Meters =
    [
        MeterCatalogue.Cpu, MeterCatalogue.Memory, MeterCatalogue.IoReadBytes, MeterCatalogue.IoWriteBytes,
        MeterCatalogue.IoReadOperations, MeterCatalogue.IoWriteOperations, MeterCatalogue.NetworkTransmit,
    ];

    private readonly string _run = Name(options);

    public FleetOptions Options => options;

    public int BatchesPerPass => (options.Workloads + MaxRecordsPerBatch - 1) / MaxRecordsPerBatch;

    public long Batches => (long)options.Hosts * options.Passes * BatchesPerPass;

    public long Records => (long)options.Hosts * options.Passes * options.Workloads;

    public static string HostId(int host) => string.Create(CultureInfo.InvariantCulture, $"sim-{host + 1:D4}");

    /// <summary>The batches of a host in the order of their numbers; adds what they bill to <paramref name="totals"/>.</summary>
    /// <param name="hostId">Another name for the host, where a broker's login decides it.</param>
    public IEnumerable<OutgoingBatch> BatchesOf(int host, decimal[] totals, string? hostId = null)
    {
        var id = hostId ?? HostId(host);
        var epoch = Hex(32, "epoch", id);
        var workloads = Enumerable.Range(0, options.Workloads).Select(index => Workload(host, index)).ToArray();
        var ends = new ulong[options.Workloads, Meters.Count];
        var sequence = 0UL;
        for (var pass = 0; pass < options.Passes; pass++)
        {
            for (var part = 0; part < BatchesPerPass; part++)
            {
                var batch = Head(id, epoch, ++sequence, pass, part == 0);
                var last = Math.Min((part + 1) * MaxRecordsPerBatch, options.Workloads);
                for (var index = part * MaxRecordsPerBatch; index < last; index++) batch.Workloads.Add(Record(workloads[index], host, index, pass, ends, totals));
                yield return new OutgoingBatch(id, epoch, sequence, sequence, batch.ToByteArray());
            }
        }
    }

    // Other parameters are another run with other epochs, so that it never meets the numbers of this one.
    private static string Name(FleetOptions options) => string.Create(
        CultureInfo.InvariantCulture, $"{options.Seed}/{options.Hosts}/{options.Workloads}/{options.Passes}/{options.Interval.Ticks}/{options.From.ToUnixTimeMilliseconds()}");

    private UsageBatch Head(string id, string epoch, ulong sequence, int pass, bool first)
    {
        var start = options.From + options.Interval * pass;
        var length = (ulong)(options.Interval.Ticks / TimeSpan.TicksPerMicrosecond);
        var batch = new UsageBatch
        {
            Host = id,
            BootId = Hex(32, "boot", id),
            AgentEpoch = epoch,
            FirstSequence = sequence,
            Sequence = sequence,
            WindowStart = Timestamp.FromDateTimeOffset(start),
            WindowEnd = Timestamp.FromDateTimeOffset(start + options.Interval),
            CoveredMicroseconds = first ? length : 0,
            ExpectedMicroseconds = first ? length : 0,
            Capacity = new Capacity { Cpus = 32, MemoryBytes = 128UL << 30 },
            Schema = 1,
        };
        foreach (var family in (ReadOnlySpan<string>)["cpu", "io", "memory", "network"]) batch.HostLabels["meter." + family] = "exact";
        batch.HostLabels["simulated"] = "true";
        return batch;
    }

    private WorkloadUsage Workload(int host, int index)
    {
        var mix = SplitMix.For(options.Seed, (ulong)host, (ulong)index);
        var tenant = string.Create(CultureInfo.InvariantCulture, $"tenant-{mix.Below(Tenants) + 1}");
        var app = string.Create(CultureInfo.InvariantCulture, $"app-{index + 1}");
        var key = Hex(64, "workload", $"{host}/{index}");
        var usage = new WorkloadUsage { Inode = 1000UL + (ulong)index, Name = app, Origin = Origin.Measured };
        usage.Labels["tenant"] = tenant;
        usage.Labels["app"] = app;
        usage.Labels["env"] = mix.Below(3) == 0 ? "test" : "prod";
        switch (index % 3)
        {
            case 0:
                (usage.Kind, usage.Id, usage.Path) = ("docker", key, $"/system.slice/docker-{key}.scope");
                break;
            case 1:
                var pod = $"{key[..8]}-{key[8..12]}-{key[12..16]}-{key[16..20]}-{key[20..32]}";
                (usage.Kind, usage.Id, usage.Path) = ("kubernetes", $"{pod}/{key}", $"/kubepods.slice/kubepods-pod{pod.Replace('-', '_')}.slice/cri-containerd-{key}.scope");
                usage.Labels["pod"] = pod;
                break;
            default:
                (usage.Kind, usage.Id, usage.Path) = ("systemd-service", $"/system.slice/{app}.service", $"/system.slice/{app}.service");
                break;
        }

        return usage;
    }

    private WorkloadUsage Record(WorkloadUsage workload, int host, int index, int pass, ulong[,] ends, decimal[] totals)
    {
        var record = workload.Clone();
        var mix = SplitMix.For(options.Seed, (ulong)host, (ulong)index, (ulong)pass + 1);
        var microseconds = (ulong)(options.Interval.Ticks / TimeSpan.TicksPerMicrosecond);
        for (var meter = 0; meter < Meters.Count; meter++)
        {
            var quantity = meter switch
            {
                0 => mix.Below(microseconds * MaxCpus / 2 + 1),
                1 => ((64UL << 20) + mix.Below(1UL << 30)) * microseconds / 1_000_000,
                2 or 3 => mix.Below(50_000) * 4096,
                4 or 5 => mix.Below(50_000),
                _ => mix.Below(100_000_000),
            };
            var start = ends[index, meter];
            ends[index, meter] = start + quantity;
            totals[meter] += quantity;
            record.Meters.Add(new MeterReading { Meter = Meters[meter].Wire, Start = start, End = start + quantity, Quantity = quantity, Availability = Availability.Exact });
        }

        return record;
    }

    private string Hex(int length, string what, string of) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{(what == "workload" ? options.Seed.ToString(CultureInfo.InvariantCulture) : _run)}|{what}|{of}")))[..length];
}
