using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Metering.Benchmarks.Passes;

/// <summary>Counts the system calls that a piece of work on this thread makes.</summary>
internal static partial class SystemCalls
{
    private const int SIGINT = 2;

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int CurrentThread();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int pid, int signal);

    /// <summary>Reads only, by the kernel's own count (syscr of /proc/self/io); the work is to be the only reader of this process.</summary>
    public static long Reads(Action work)
    {
        var before = ReadCalls();
        var between = ReadCalls();
        work();
        var after = ReadCalls();
        return after - between - (between - before);
    }

    /// <summary>All calls of this thread, by <c>strace -c</c>; null where strace is not installed or may not trace.</summary>
    public static IReadOnlyDictionary<string, long>? Traced(string directory, Action work) => TracedAsync(directory, ["-p", CurrentThread().ToString(CultureInfo.InvariantCulture)], () =>
    {
        // Completed when it returns: the thread that is traced stays the one that works.
        work();
        return Task.CompletedTask;
    }).GetAwaiter().GetResult();

    /// <summary>All calls of the process but <c>futex</c> waits; null where strace is not installed or may not trace.</summary>
    public static Task<IReadOnlyDictionary<string, long>?> TracedAsync(string directory, Func<Task> work) =>
        TracedAsync(directory, ["-f", "-e", "trace=!futex", "-p", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)], work);

    private static async Task<IReadOnlyDictionary<string, long>?> TracedAsync(string directory, string[] what, Func<Task> work)
    {
        var table = Path.Combine(directory, "strace");
        Process strace;
        try
        {
            strace = Process.Start(new ProcessStartInfo("strace", ["-c", "-o", table, .. what]) { UseShellExecute = false, RedirectStandardError = true })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }

        using (strace)
        {
            var attached = strace.StandardError.ReadLine()?.Contains("attached", StringComparison.Ordinal) == true;
            if (attached) await work();
            _ = Signal(strace.Id, SIGINT);
            strace.WaitForExit();
            return attached && File.Exists(table) ? Parse(File.ReadLines(table)) : null;
        }
    }

    // % time     seconds  usecs/call     calls    errors syscall
    private static Dictionary<string, long> Parse(IEnumerable<string> lines)
    {
        var calls = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 5 && words[^1] != "total" && long.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out var count)) calls[words[^1]] = count;
        }

        return calls;
    }

    private static long ReadCalls() =>
        long.Parse(File.ReadLines("/proc/self/io").First(line => line.StartsWith("syscr", StringComparison.Ordinal))[7..], CultureInfo.InvariantCulture);
}
