using System.Buffers.Text;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Parsers of the kernel's text files. All go by key, ignore what they do not know, accept a last line without line feed, and answer false for what is not there:
/// a missing figure is unknown, never zero. Formats: Documentation/admin-guide/cgroup-v2.rst, proc_stat(5).
/// </summary>
internal static class StatParser
{
    /// <summary><c>cpu.stat</c>: the figure behind <paramref name="key"/>, in the file's own unit (microseconds).</summary>
    public static bool TryKey(ReadOnlySpan<byte> file, ReadOnlySpan<byte> key, out ulong value)
    {
        while (!file.IsEmpty)
        {
            var line = NextLine(ref file);
            if (line.Length > key.Length && line[key.Length] == (byte)' ' && line.StartsWith(key)) return TryNumber(line[(key.Length + 1)..], out value);
        }

        value = 0;
        return false;
    }

    /// <summary><c>usage_usec</c> of cpu.stat; the kernel writes it first, which saves the search.</summary>
    public static bool TryUsage(ReadOnlySpan<byte> file, out ulong microseconds)
    {
        var key = "usage_usec "u8;
        if (!file.StartsWith(key)) return TryKey(file, "usage_usec"u8, out microseconds);
        return Utf8Parser.TryParse(file[key.Length..], out microseconds, out var used) && file.Length > key.Length + used && file[key.Length + used] == (byte)'\n';
    }

    /// <summary><c>throttled_usec</c> of cpu.stat, which is there when the cgroup has the cpu controller.</summary>
    public static bool TryThrottled(ReadOnlySpan<byte> file, out ulong microseconds)
    {
        var at = file.IndexOf("\nthrottled_usec "u8);
        if (at >= 0) return TryKey(file[(at + 1)..], "throttled_usec"u8, out microseconds);
        microseconds = 0;
        return false;
    }

    /// <summary>A file of one number (<c>memory.current</c>, <c>pids.current</c>); <c>max</c> is not a number.</summary>
    public static bool TryNumber(ReadOnlySpan<byte> text, out ulong value)
    {
        text = text.TrimEnd((byte)'\n');
        return Utf8Parser.TryParse(text, out value, out var used) && used == text.Length;
    }

    /// <summary>A line <c>(unknown) rios=…</c>: a hidden path of NVMe multipath, whose I/O is on the line of its head.</summary>
    public static bool IsUnnamedDevice(ReadOnlySpan<byte> line) => line.StartsWith("(unknown)"u8);

    /// <summary>A line of io.stat that names a device and none of its figures: nothing was read or written yet, and a limit or the kernel's own set-up put the device there.</summary>
    public static bool IsDeviceWithoutFigures(ReadOnlySpan<byte> line)
    {
        var space = line.IndexOf((byte)' ');
        return TryDevice(space < 0 ? line : line[..space], out _) && line.IndexOf("bytes="u8) < 0 && line.IndexOf("ios="u8) < 0;
    }

    /// <summary>
    /// One line of io.stat: <c>8:16 rbytes=1 wbytes=2 rios=3 wios=4 …</c>. False for <c>(unknown)</c> devices and rows without all four.
    /// Some kernels write no line feed after a device without figures: of <c>252:0 8:16 rbytes=1 …</c> the figures are those of the last device before them.
    /// </summary>
    public static bool TryIoLine(ReadOnlySpan<byte> line, out IoReading reading)
    {
        reading = default;
        var space = line.IndexOf((byte)' ');
        if (space < 0 || !TryDevice(line[..space], out var device)) return false;

        ulong readBytes = 0, writeBytes = 0, readOperations = 0, writeOperations = 0;
        var seen = 0;
        var rest = line[(space + 1)..];
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)' ');
            var word = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            var equals = word.IndexOf((byte)'=');
            if (equals < 0)
            {
                if (seen == 0 && TryDevice(word, out var next)) device = next;
                continue;
            }

            if (!Utf8Parser.TryParse(word[(equals + 1)..], out ulong value, out var used) || used != word.Length - equals - 1) continue;
            var key = word[..equals];
            if (key.SequenceEqual("rbytes"u8)) (readBytes, seen) = (value, seen | 1);
            else if (key.SequenceEqual("wbytes"u8)) (writeBytes, seen) = (value, seen | 2);
            else if (key.SequenceEqual("rios"u8)) (readOperations, seen) = (value, seen | 4);
            else if (key.SequenceEqual("wios"u8)) (writeOperations, seen) = (value, seen | 8);
        }

        reading = new IoReading(device, readBytes, writeBytes, readOperations, writeOperations);
        return seen == 15;
    }

    private static bool TryDevice(ReadOnlySpan<byte> text, out ulong device)
    {
        device = 0;
        var colon = text.IndexOf((byte)':');
        if (colon <= 0 || !Utf8Parser.TryParse(text[..colon], out uint major, out var used) || used != colon) return false;
        if (!Utf8Parser.TryParse(text[(colon + 1)..], out uint minor, out used) || used != text.Length - colon - 1) return false;
        device = ((ulong)major << 32) | minor;
        return true;
    }

    /// <summary>First line of /proc/stat: user, nice, system, irq and softirq in ticks of 10 ms. Guest time is within user; steal was not ours.</summary>
    public static bool TryBusyMicroseconds(ReadOnlySpan<byte> file, out ulong microseconds)
    {
        microseconds = 0;
        var line = NextLine(ref file);
        if (!line.StartsWith("cpu "u8)) return false;
        line = line[4..];
        for (var field = 0; field < 7; field++)
        {
            line = line.TrimStart((byte)' ');
            if (!Utf8Parser.TryParse(line, out ulong ticks, out var used)) return field >= 4;
            line = line[used..];
            if (field is 0 or 1 or 2 or 5 or 6) microseconds += ticks * 10_000;
        }

        return true;
    }

    public static ReadOnlySpan<byte> NextLine(ref ReadOnlySpan<byte> file)
    {
        var end = file.IndexOf((byte)'\n');
        var line = end < 0 ? file : file[..end];
        file = end < 0 ? default : file[(end + 1)..];
        return line;
    }
}
