using System.Runtime.InteropServices;

namespace Metering.Cli.Doctor;

/// <summary>Asks the kernel whether its clock is disciplined (adjtimex(2)).</summary>
internal static unsafe partial class KernelClock
{
    private const int TimeError = 5; // TIME_ERROR: the clock is not synchronised

    /// <summary>Null when the kernel does not say.</summary>
    public static bool? IsSynchronised()
    {
        // struct timex has 208 bytes on 64-bit Linux; all zero is a query.
        var buffer = stackalloc byte[512];
        new Span<byte>(buffer, 512).Clear();
        var state = AdjTimex(buffer);
        return state < 0 ? null : state != TimeError;
    }

    [LibraryImport("libc", EntryPoint = "adjtimex", SetLastError = true)]
    private static partial int AdjTimex(byte* buffer);
}
