using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Agent.Shipping;
using Metering.Cli.Simulation;
using Metering.Messages;
using Metering.Meters;

namespace Metering.Cli.Demo;

/// <summary>The batches of one host of the demo, window after window, as its agent would send them. Each start of the demo is a boot of the host and an epoch of its agent, so that counters begin anew.</summary>
/// <param name="run">Names the start; the same name gives the same bytes.</param>
internal sealed class DemoSeries(DemoHost host, string run)
{
    private const double Mebibyte = 1 << 20, Gibibyte = 1 << 30;
    private readonly Dictionary<(int Workload, string Meter), ulong> _counters = [];
    private readonly WorkloadUsage[] _workloads = [.. host.Workloads.Select((workload, i) => Identity(host, workload, i))];
    private ulong _sequence;

    public OutgoingBatch Next(DateTimeOffset start, DateTimeOffset end)
    {
        var length = (ulong)((end - start).Ticks / TimeSpan.TicksPerMicrosecond);
        var epoch = Hex($"{run}|epoch|{host.Id}", 32);
        var batch = new UsageBatch
        {
            Host = host.Id, BootId = Hex($"{run}|boot|{host.Id}", 32), AgentEpoch = epoch, FirstSequence = ++_sequence, Sequence = _sequence, WindowStart = Timestamp.FromDateTimeOffset(start), WindowEnd = Timestamp.FromDateTimeOffset(end),
            CoveredMicroseconds = length, ExpectedMicroseconds = length, Capacity = new Capacity { Cpus = host.Cpus, MemoryBytes = (ulong)host.Memory << 30 }, Schema = 1,
        };
        foreach (var family in (ReadOnlySpan<string>)["cpu", "io", "memory", "network", "reservation"]) batch.HostLabels["meter." + family] = "exact";
        batch.HostLabels["simulated"] = "true";
        for (var i = 0; i < _workloads.Length; i++)
        {
            if (host.Workloads[i].Share(start) is var share and > 0) batch.Workloads.Add(Record(i, share, start, length));
        }

        return new OutgoingBatch(host.Id, epoch, _sequence, _sequence, batch.ToByteArray());
    }

    private WorkloadUsage Record(int index, double share, DateTimeOffset start, ulong length)
    {
        var workload = host.Workloads[index];
        var mix = SplitMix.For(1, (ulong)start.ToUnixTimeSeconds(), (ulong)index, (ulong)host.Cpus);
        var busy = share * (0.85 + mix.Below(300) / 1000.0);
        var record = _workloads[index].Clone();

        // No workload has more processors than its limit.
        var cores = workload.Reserved > 0 ? Math.Min(workload.Cores * busy, workload.Reserved) : workload.Cores * busy;
        Add(MeterCatalogue.Cpu, cores * 1e6);
        Add(MeterCatalogue.Memory, workload.Memory * Gibibyte * (0.95 + mix.Below(100) / 1000.0));
        Add(MeterCatalogue.IoReadBytes, Math.Floor(workload.Read * Mebibyte * busy / 4096) * 4096);
        Add(MeterCatalogue.IoWriteBytes, Math.Floor(workload.Written * Mebibyte * busy / 4096) * 4096);
        Add(MeterCatalogue.IoReadOperations, workload.Read * busy * 20);
        Add(MeterCatalogue.IoWriteOperations, workload.Written * busy * 12);
        Add(MeterCatalogue.NetworkTransmit, workload.Sent * Mebibyte * busy);
        Add(MeterCatalogue.NetworkReceive, workload.Sent * Mebibyte * busy / 6);
        if (workload.Reserved > 0) Add(MeterCatalogue.CpuReserved, workload.Reserved * 1e6);
        return record;

        void Add(Meter meter, double perSecond)
        {
            var quantity = (ulong)(perSecond * length / 1e6);
            var from = _counters.GetValueOrDefault((index, meter.Wire));
            record.Meters.Add(new MeterReading { Meter = meter.Wire, Start = from, End = _counters[(index, meter.Wire)] = from + quantity, Quantity = quantity, Availability = Availability.Exact });
        }
    }

    private static WorkloadUsage Identity(DemoHost host, DemoWorkload workload, int index)
    {
        var key = Hex($"{host.Id}|{workload.Name}", 64);
        var pod = $"{key[..8]}-{key[8..12]}-{key[12..16]}-{key[16..20]}-{key[20..32]}";
        var usage = new WorkloadUsage { Kind = workload.Kind, Name = workload.Name, Inode = 1000UL + (ulong)index, Origin = Origin.Measured };
        (usage.Id, usage.Path) = workload.Kind switch
        {
            "docker" => (key, $"/system.slice/docker-{key}.scope"),
            "kubernetes" => ($"{pod}/{key}", $"/kubepods.slice/kubepods-pod{pod.Replace('-', '_')}.slice/cri-containerd-{key}.scope"),
            "libvirt" => (workload.Name, $"/machine.slice/machine-qemu\\x2d1\\x2d{workload.Name}.scope"),
            "slurm" => (workload.Name, $"/system.slice/slurmstepd.scope/job_{workload.Name}"),
            _ => ($"/system.slice/{workload.Name}.service", $"/system.slice/{workload.Name}.service"),
        };
        if (workload.Tenant is not null) usage.Labels["tenant"] = workload.Tenant;
        if (workload.Project is not null) usage.Labels["project"] = workload.Project;
        usage.Labels["simulated"] = "true";
        return usage;
    }

    private static string Hex(string of, int length) => string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("demo|" + of)))[..length]}");
}
