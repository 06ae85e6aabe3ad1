using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>How many descriptors may stay open, of those the process may have; the rest is for the journal, for shipping and for what is opened for one reading.</summary>
internal static class DescriptorBudget
{
    private const int Reserve = 128;

    /// <summary>Besides cpu.stat: a quarter, since each also costs about 6 KiB of kernel memory.</summary>
    public static int Others(string limits = "/proc/self/limits") => Limit(limits) is { } limit ? Math.Min(Math.Max(limit - Reserve, 0) / 4, 4096) : 256;

    /// <summary>Of cpu.stat: what is left.</summary>
    public static int Cpu(string limits = "/proc/self/limits") => Limit(limits) is { } limit ? Math.Max(limit - Reserve, 0) - Others(limits) : int.MaxValue;

    // Null when there is none, or none that can be told.
    private static int? Limit(string limits)
    {
        try
        {
            // Max open files            1024                 524288               files
            var line = File.ReadLines(limits).FirstOrDefault(row => row.StartsWith("Max open files", StringComparison.Ordinal));
            var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words is { Length: > 4 } && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out var soft) ? soft : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
