using System.Buffers.Text;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Parsers of the files that are read rarely: limits, processor lists, pressure, events. Like <see cref="StatParser"/> they answer false for what is not there or is malformed.
/// Formats: Documentation/admin-guide/cgroup-v2.rst, Documentation/accounting/psi.rst.
/// </summary>
internal static class SlowParser
{
    /// <summary>What a file means by <c>max</c>: there is no limit.</summary>
    public const ulong NoLimit = ulong.MaxValue;

    /// <summary>More processors than any kernel has: a list beyond it is none of the kernel's.</summary>
    private const uint MostProcessors = 1 << 16;

    public static bool TryNumber(ReadOnlySpan<byte> file, out ulong value) => StatParser.TryNumber(file, out value);

    /// <summary><c>memory.max</c>: bytes, or <c>max</c>.</summary>
    public static bool TryLimit(ReadOnlySpan<byte> file, out ulong bytes)
    {
        bytes = NoLimit;
        return file.TrimEnd((byte)'\n').SequenceEqual("max"u8) || StatParser.TryNumber(file, out bytes);
    }

    /// <summary><c>cpu.max</c>, <c>200000 100000</c> or <c>max 100000</c>: the limit in millionths of a processor.</summary>
    public static bool TryCpuMax(ReadOnlySpan<byte> file, out ulong microProcessors)
    {
        microProcessors = NoLimit;
        var line = StatParser.NextLine(ref file);
        var space = line.IndexOf((byte)' ');
        if (space <= 0 || !StatParser.TryNumber(line[(space + 1)..], out var period) || period == 0) return false;
        if (line[..space].SequenceEqual("max"u8)) return true;
        if (!StatParser.TryNumber(line[..space], out var quota)) return false;
        return TryShare(quota, period, out microProcessors);
    }

    /// <summary>A quota within a period as millionths of a processor; false when it is more than there can be.</summary>
    public static bool TryShare(ulong quota, ulong period, out ulong microProcessors)
    {
        var share = (UInt128)quota * 1_000_000 / period;
        microProcessors = share > long.MaxValue ? 0 : (ulong)share;
        return share <= long.MaxValue;
    }

    /// <summary><c>cpuset.cpus.effective</c>, <c>0-3,8</c>: millionths of a processor, so a million for each. An empty list is unknown.</summary>
    public static bool TryProcessors(ReadOnlySpan<byte> file, out ulong microProcessors)
    {
        microProcessors = 0;
        var rest = file.TrimEnd((byte)'\n');
        while (!rest.IsEmpty)
        {
            if (!Utf8Parser.TryParse(rest, out uint first, out var used) || first > MostProcessors) return false;
            rest = rest[used..];
            var last = first;
            if (rest is [(byte)'-', ..])
            {
                if (!Utf8Parser.TryParse(rest[1..], out last, out used) || last < first || last > MostProcessors) return false;
                rest = rest[(1 + used)..];
            }

            microProcessors += (last - first + 1) * 1_000_000UL;
            if (rest.IsEmpty) return true;
            if (rest[0] != (byte)',' || rest.Length == 1) return false;
            rest = rest[1..];
        }

        return false;
    }

    /// <summary><c>*.pressure</c>: the total of the line <c>some</c>, in microseconds.</summary>
    public static bool TryPressure(ReadOnlySpan<byte> file, out ulong microseconds)
    {
        while (!file.IsEmpty)
        {
            var line = StatParser.NextLine(ref file);
            if (!line.StartsWith("some "u8)) continue;
            var at = line.IndexOf(" total="u8);
            if (at >= 0) return StatParser.TryNumber(line[(at + " total="u8.Length)..], out microseconds);
        }

        microseconds = 0;
        return false;
    }

    /// <summary><c>memory.events</c>, and v1 <c>memory.oom_control</c>: the kernel's kills for want of memory.</summary>
    public static bool TryOomKills(ReadOnlySpan<byte> file, out ulong kills) => StatParser.TryKey(file, "oom_kill"u8, out kills);

    /// <summary><c>cgroup.stat.local</c>: time frozen, in microseconds.</summary>
    public static bool TryFrozen(ReadOnlySpan<byte> file, out ulong microseconds) => StatParser.TryKey(file, "frozen_usec"u8, out microseconds);

    /// <summary><c>cgroup.events</c>, for kernels that count no frozen time: a million while all of the cgroup is frozen, else 0.</summary>
    public static bool TryFrozenNow(ReadOnlySpan<byte> file, out ulong millionths)
    {
        var known = StatParser.TryKey(file, "frozen"u8, out var frozen);
        millionths = frozen == 1 ? 1_000_000UL : 0;
        return known;
    }

    /// <summary>The first process of <c>cgroup.procs</c>; false when there is none, or it is of a namespace that can not be seen (0).</summary>
    public static bool TryFirstProcess(ReadOnlySpan<byte> file, out int process)
    {
        process = 0;
        while (!file.IsEmpty)
        {
            var line = StatParser.NextLine(ref file);
            if (Utf8Parser.TryParse(line, out process, out var used) && used == line.Length && process > 0) return true;
        }

        process = 0;
        return false;
    }
}
