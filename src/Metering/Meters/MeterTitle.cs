namespace Metering.Meters;

/// <summary>What a meter is called for people.</summary>
public static class MeterTitle
{
    /// <summary><c>cpuThrottledSeconds</c> is "CPU throttled": the unit is told beside the figure.</summary>
    public static string Of(Meter meter)
    {
        var words = string.Concat(meter.Name.Select(c => char.IsAsciiLetterUpper(c) ? " " + char.ToLowerInvariant(c) : c.ToString()));
        foreach (var unit in new[] { " byte seconds", " seconds" })
        {
            if (words.EndsWith(unit, StringComparison.Ordinal)) words = words[..^unit.Length];
        }

        words = words.Replace("cpu", "CPU", StringComparison.Ordinal).Replace("io ", "I/O ", StringComparison.Ordinal).Replace("oom", "OOM", StringComparison.Ordinal).Replace("hugetlb", "huge pages", StringComparison.Ordinal);
        return char.ToUpperInvariant(words[0]) + words[1..];
    }
}
