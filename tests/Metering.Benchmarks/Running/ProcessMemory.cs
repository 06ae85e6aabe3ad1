using System.Globalization;

namespace Metering.Benchmarks.Running;

/// <summary>Memory of one process as <c>/proc/PID/smaps_rollup</c> has it (Documentation/filesystems/proc.rst), in bytes.</summary>
/// <param name="Resident">All pages in memory, those of shared libraries too.</param>
/// <param name="Anonymous">Pages with no file behind them.</param>
/// <param name="Proportional">Resident, with a page that n processes share counted 1/n.</param>
internal sealed record ProcessMemory(long Resident, long Anonymous, long Proportional)
{
    public static ProcessMemory Of(int process)
    {
        var lines = File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/smaps_rollup"));
        return new ProcessMemory(Field("Rss:"), Field("Anonymous:"), Field("Pss:"));

        // Rss:               61234 kB
        long Field(string name) => 1024 * long.Parse(lines.First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
