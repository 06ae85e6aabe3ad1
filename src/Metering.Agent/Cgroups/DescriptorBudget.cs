using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>How many descriptors besides cpu.stat may stay open: a quarter of what the process may have, since each also costs about 6 KiB of kernel memory.</summary>
internal static class DescriptorBudget
{
    public static int Others(string limits = "/proc/self/limits")
    {
        try
        {
            // Max open files            1024                 524288               files
            var line = File.ReadLines(limits).FirstOrDefault(row => row.StartsWith("Max open files", StringComparison.Ordinal));
            var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words is { Length: > 4 } && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out var soft) ? Math.Min(soft / 4, 4096) : 256;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 256;
        }
    }
}
