using System.Globalization;

namespace Metering.Benchmarks.Running;

/// <summary>Processor time of a server that works in child processes of its own, as PostgreSQL does: /proc/PID/stat of it and of its children, those that have ended included. Steps of 10 ms.</summary>
internal static class ServerProcessor
{
    private const double MillisecondsPerTick = 10;

    public static double Milliseconds(int server)
    {
        var ticks = 0L;
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var process) || Fields(process) is not { } fields) continue;

            // After the name in brackets: state, parent, …, and from the 12th on utime, stime, cutime, cstime.
            if (process == server) ticks += fields[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
            else if (fields[1] == server.ToString(CultureInfo.InvariantCulture)) ticks += fields[11..13].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        }

        return ticks * MillisecondsPerTick;
    }

    private static string[]? Fields(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended.
            return null;
        }
    }
}
