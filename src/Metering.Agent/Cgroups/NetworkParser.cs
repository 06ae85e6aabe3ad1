using System.Buffers.Text;

namespace Metering.Agent.Cgroups;

/// <summary>Parsers of <c>/proc/PID/net/dev</c> and <c>/proc/PID/net/igmp</c> (proc_pid_net(5)), which speak for the network namespace of the process.</summary>
internal static class NetworkParser
{
    /// <summary>
    /// One line of net/dev: <c>  eth0: 669255262 26089 0 …</c>, eight figures received, then eight sent, bytes first. False for the two header lines, for <c>lo</c>,
    /// whose traffic never leaves the namespace, and for what is malformed; <paramref name="malformed"/> tells the last apart.
    /// </summary>
    public static bool TryInterface(ReadOnlySpan<byte> line, out InterfaceReading reading, out bool malformed)
    {
        reading = default;
        malformed = false;
        if (line.IsEmpty || line.Contains((byte)'|')) return false;
        var colon = line.LastIndexOf((byte)':');
        malformed = true;
        if (colon <= 0) return false;
        var name = line[..colon].Trim((byte)' ');
        var rest = line[(colon + 1)..];
        ulong received = 0, sent = 0;
        for (var field = 0; field < 9; field++)
        {
            rest = rest.TrimStart((byte)' ');
            if (!Utf8Parser.TryParse(rest, out ulong value, out var used) || (used < rest.Length && rest[used] != (byte)' ')) return false;
            rest = rest[used..];
            if (field == 0) received = value;
            else if (field == 8) sent = value;
        }

        malformed = false;
        if (name.SequenceEqual("lo"u8)) return false;
        reading = new InterfaceReading(Hash(name), 0, received, sent);
        return true;
    }

    /// <summary>The number of an interface in net/igmp, <c>2⇥eth0      :     1      V3</c>; 0 when it is not listed.</summary>
    public static uint IndexOf(ulong name, ReadOnlySpan<byte> igmp)
    {
        while (!igmp.IsEmpty)
        {
            var line = StatParser.NextLine(ref igmp);
            var tab = line.IndexOf((byte)'\t');
            var colon = line.LastIndexOf((byte)':');
            if (tab <= 0 || colon < tab || !Utf8Parser.TryParse(line[..tab], out uint index, out var used) || used != tab) continue;
            if (Hash(line[(tab + 1)..colon].Trim((byte)' ')) == name) return index;
        }

        return 0;
    }

    private static ulong Hash(ReadOnlySpan<byte> name)
    {
        var hash = 14_695_981_039_346_656_037UL;
        foreach (var one in name) hash = unchecked((hash ^ one) * 1_099_511_628_211UL);
        return hash;
    }
}
