using System.Runtime.InteropServices;

namespace Metering.EndToEnd.Servers;

/// <summary>Signals by process id.</summary>
internal static partial class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>False when there is no such process.</summary>
    public static bool Send(int processId, int signal)
    {
        // 0 and negative ids mean groups, which a test never wants to hit.
        ArgumentOutOfRangeException.ThrowIfLessThan(processId, 2);
        return SysKill(processId, signal) == 0;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SysKill(int processId, int signal);
}
