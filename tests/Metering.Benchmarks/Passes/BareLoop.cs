using System.Diagnostics;
using System.Runtime.InteropServices;
using Metering.Agent.Cgroups;

namespace Metering.Benchmarks.Passes;

/// <summary>The floor within this process: pread of the very descriptors that the pass keeps, in its order, and nothing else.</summary>
internal static unsafe partial class BareLoop
{
    [LibraryImport("libc", EntryPoint = "pread")]
    private static partial nint Pread(int fd, byte* buffer, nuint count, long offset);

    /// <summary>Processor and wall time of one round, in microseconds.</summary>
    public static (double Cpu, double Wall) Run(int[] descriptors, int rounds)
    {
        var buffer = stackalloc byte[4096];
        var began = Stopwatch.GetTimestamp();
        var spent = Posix.ThreadCpuNanoseconds();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var descriptor in descriptors)
            {
                if (Pread(descriptor, buffer, 4096, 0) <= 0) throw new IOException("A kept descriptor can not be read.");
            }
        }

        return ((Posix.ThreadCpuNanoseconds() - spent) / 1000.0 / rounds, Stopwatch.GetElapsedTime(began).TotalMicroseconds / rounds);
    }
}
