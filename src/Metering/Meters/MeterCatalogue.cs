using System.Collections.Frozen;
using System.Text;

namespace Metering.Meters;

/// <summary>Every meter there is, in the order of the API. Adding one is adding a line here and reading it in the agent.</summary>
public static class MeterCatalogue
{
    private static readonly List<Meter> Building = [];

    public static readonly Meter Cpu = Add("cpuMicroseconds", "cpuSeconds", "cpu_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Cpu, "cpu.stat usage_usec");
    public static readonly Meter CpuThrottled = Add("cpuThrottledMicroseconds", "cpuThrottledSeconds", "cpu_throttled_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Cpu, "cpu.stat throttled_usec");
    public static readonly Meter Memory = Add("memoryByteSeconds", "memoryByteSeconds", "memory_bs", 1, "byte-seconds", MeterKind.Sum, MeterFamily.Memory, "memory.current");
    public static readonly Meter MemoryPeak = Add("memoryPeakBytes", "memoryPeakBytes", "memory_peak_bytes", 1, "bytes", MeterKind.Peak, MeterFamily.Memory, "memory.peak");
    public static readonly Meter Swap = Add("swapByteSeconds", "swapByteSeconds", "swap_bs", 1, "byte-seconds", MeterKind.Sum, MeterFamily.Memory, "memory.swap.current");
    public static readonly Meter HugePages = Add("hugetlbByteSeconds", "hugetlbByteSeconds", "hugetlb_bs", 1, "byte-seconds", MeterKind.Sum, MeterFamily.HugePages, "hugetlb.*.current");
    public static readonly Meter IoReadBytes = Add("ioReadBytes", "ioReadBytes", "io_read_bytes", 1, "bytes", MeterKind.Sum, MeterFamily.Io, "io.stat rbytes");
    public static readonly Meter IoWriteBytes = Add("ioWriteBytes", "ioWriteBytes", "io_write_bytes", 1, "bytes", MeterKind.Sum, MeterFamily.Io, "io.stat wbytes");
    public static readonly Meter IoReadOperations = Add("ioReadOperations", "ioReadOperations", "io_read_ops", 1, "operations", MeterKind.Sum, MeterFamily.Io, "io.stat rios");
    public static readonly Meter IoWriteOperations = Add("ioWriteOperations", "ioWriteOperations", "io_write_ops", 1, "operations", MeterKind.Sum, MeterFamily.Io, "io.stat wios");
    public static readonly Meter NetworkReceive = Add("networkReceiveBytes", "networkReceiveBytes", "net_receive_bytes", 1, "bytes", MeterKind.Sum, MeterFamily.Network, "/proc/PID/net/dev");
    public static readonly Meter NetworkTransmit = Add("networkTransmitBytes", "networkTransmitBytes", "net_transmit_bytes", 1, "bytes", MeterKind.Sum, MeterFamily.Network, "/proc/PID/net/dev");
    public static readonly Meter CpuReserved = Add("cpuReservedMicroseconds", "cpuReservedSeconds", "cpu_reserved_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Reservation, "cpu.max, cpuset.cpus.effective");
    public static readonly Meter MemoryReserved = Add("memoryReservedByteSeconds", "memoryReservedByteSeconds", "memory_reserved_bs", 1, "byte-seconds", MeterKind.Sum, MeterFamily.Reservation, "memory.max, memory.min");
    public static readonly Meter PidsPeak = Add("pidsPeak", "pidsPeak", "pids_peak", 1, "tasks", MeterKind.Peak, MeterFamily.Pids, "pids.peak, pids.current");
    public static readonly Meter OomKills = Add("oomKills", "oomKills", "oom_kills", 1, "events", MeterKind.Sum, MeterFamily.Memory, "memory.events oom_kill");
    public static readonly Meter CpuPressure = Add("cpuPressureMicroseconds", "cpuPressureSeconds", "cpu_pressure_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Pressure, "cpu.pressure some total");
    public static readonly Meter MemoryPressure = Add("memoryPressureMicroseconds", "memoryPressureSeconds", "memory_pressure_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Pressure, "memory.pressure some total");
    public static readonly Meter IoPressure = Add("ioPressureMicroseconds", "ioPressureSeconds", "io_pressure_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Pressure, "io.pressure some total");
    public static readonly Meter Lifetime = Add("lifetimeMicroseconds", "lifetimeSeconds", "lifetime_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Lifetime, "birth and death of the cgroup");
    public static readonly Meter Frozen = Add("frozenMicroseconds", "frozenSeconds", "frozen_us", 1_000_000, "seconds", MeterKind.Sum, MeterFamily.Lifetime, "cgroup.stat.local frozen_usec");

    /// <summary>All meters; <see cref="Meter.Index"/> is the position here.</summary>
    public static readonly IReadOnlyList<Meter> All = [.. Building];

    private static readonly FrozenDictionary<string, Meter> ByName = NameIndex();

    // By length: a handful of names each, told apart by one comparison of bytes. This runs for every reading of every record that the service takes in.
    private static readonly (byte[] Name, int Index)[][] ByLength = LengthIndex();

    /// <summary>Finds a meter by its API name or its wire name.</summary>
    public static bool TryFind(string name, out Meter meter)
    {
        var found = ByName.TryGetValue(name, out var hit);
        meter = hit!;
        return found;
    }

    /// <summary>Finds a meter by the UTF-8 bytes of either name, without allocating; −1 when there is none.</summary>
    public static int IndexOf(ReadOnlySpan<byte> utf8Name)
    {
        if (utf8Name.Length >= ByLength.Length) return -1;
        foreach (var (name, index) in ByLength[utf8Name.Length])
        {
            if (utf8Name.SequenceEqual(name)) return index;
        }

        return -1;
    }

    /// <summary>The API names, for error messages.</summary>
    public static string Names => string.Join(", ", All.Select(meter => meter.Name));

    private static Meter Add(string wire, string name, string column, long scale, string unit, MeterKind kind, MeterFamily family, string source)
    {
        var meter = new Meter(Building.Count, wire, name, column, scale, unit, kind, family, source);
        Building.Add(meter);
        return meter;
    }

    private static (byte[] Name, int Index)[][] LengthIndex()
    {
        var names = ByName.Select(entry => (Name: Encoding.UTF8.GetBytes(entry.Key), entry.Value.Index)).OrderBy(entry => entry.Index).ToLookup(entry => entry.Name.Length);
        return [.. Enumerable.Range(0, names.Max(group => group.Key) + 1).Select(length => names[length].ToArray())];
    }

    private static FrozenDictionary<string, Meter> NameIndex()
    {
        var index = new Dictionary<string, Meter>(StringComparer.Ordinal);
        foreach (var meter in All)
        {
            index.Add(meter.Name, meter);
            if (meter.Wire != meter.Name) index.Add(meter.Wire, meter);
        }

        return index.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
