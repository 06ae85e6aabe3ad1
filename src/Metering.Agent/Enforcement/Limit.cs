using System.Globalization;
using Metering.Enforcement;

namespace Metering.Agent.Enforcement;

/// <summary>The texts of an action: what is written, what brings back the former state, and whether a file still says what was written. Formats: the kernel's cgroup-v2 document.</summary>
internal static class Limit
{
    // The kernel's own default: 100 ms. A quota below a millisecond is refused by it.
    private const long PeriodMicroseconds = 100_000, LeastQuotaMicroseconds = 1000;

    /// <param name="ioStat">Text of <c>io.stat</c>, which names the devices.</param>
    public static string[] Write(EnforcementAction action, long value, string ioStat) => action switch
    {
        EnforcementAction.CpuMax => [Text($"{Math.Max(value / (1_000_000 / PeriodMicroseconds), LeastQuotaMicroseconds)} {PeriodMicroseconds}")],
        EnforcementAction.MemoryHigh => [Text($"{value / Environment.SystemPageSize * Environment.SystemPageSize}")],
        EnforcementAction.IoMax => [.. Devices(ioStat).Select(device => Text($"{device} rbps={value} wbps={value}"))],
        _ => ["1"],
    };

    /// <summary>What to write so that the file says again what it says now.</summary>
    public static string[] Restore(EnforcementAction action, string present, IEnumerable<string> written)
    {
        if (action != EnforcementAction.IoMax) return [present.Trim()];
        var lines = Lines(present);
        return [.. written.Select(line => line.Split(' ')[0]).Select(device => lines.TryGetValue(device, out var set)
            ? $"{device} rbps={set.GetValueOrDefault("rbps", "max")} wbps={set.GetValueOrDefault("wbps", "max")}"
            : $"{device} rbps=max wbps=max")];
    }

    /// <summary>Whether the file says what was written; what somebody else has set since is theirs.</summary>
    public static bool Holds(EnforcementAction action, string present, IReadOnlyList<string> written)
    {
        if (action != EnforcementAction.IoMax) return written.Count == 1 && present.Trim() == written[0];
        var lines = Lines(present);
        return written.All(line =>
        {
            var words = line.Split(' ');
            return lines.TryGetValue(words[0], out var set) && words.Skip(1).Select(word => word.Split('=')).All(pair => set.GetValueOrDefault(pair[0]) == pair[1]);
        });
    }

    /// <summary>True when what is there is at least as strict already.</summary>
    public static bool IsStricter(EnforcementAction action, string present, long value)
    {
        var words = present.Trim().Split(' ');
        return action switch
        {
            EnforcementAction.CpuMax => words.Length == 2 && long.TryParse(words[0], out var quota) && long.TryParse(words[1], out var period) && period > 0 && quota * 1_000_000 / period <= value,
            EnforcementAction.MemoryHigh => long.TryParse(words[0], out var high) && high <= value,
            EnforcementAction.CgroupFreeze => words[0] == "1",
            _ => false,
        };
    }

    private static IEnumerable<string> Devices(string ioStat) => ioStat.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0])
        .Where(device => device.Split(':') is [var major, var minor] && uint.TryParse(major, out _) && uint.TryParse(minor, out _)).Distinct();

    private static Dictionary<string, Dictionary<string, string>> Lines(string text)
    {
        var lines = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        foreach (var words in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')))
            lines[words[0]] = words.Skip(1).Select(word => word.Split('=')).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        return lines;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
