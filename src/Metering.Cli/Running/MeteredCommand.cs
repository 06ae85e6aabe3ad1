using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Safety;

namespace Metering.Cli.Running;

/// <summary>Runs a command inside its cgroup from its first instruction on, with our own standard streams.</summary>
internal static partial class MeteredCommand
{
    private const int NotMoved = 125;
    private const int SigTerm = 15, SigHup = 1;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    // The shell moves itself, then becomes the command: no instruction of it runs outside. Hierarchies after the first are best effort.
    private const string Script = """
        count=$1; shift
        { echo $$ > "$1"; } 2>/dev/null || exit 125
        while [ "$count" -gt 0 ]; do { echo $$ > "$1"; } 2>/dev/null; shift; count=$((count-1)); done
        exec "$@"
        """;

    /// <summary>Exit code of the command, 128 + signal when one killed it; returns when nothing is left in the cgroup.</summary>
    public static async Task<(int ExitCode, TimeSpan Wall)> RunAsync(RunGroup group, IReadOnlyList<string> command, TimeProvider clock, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        foreach (var argument in (IEnumerable<string>)["-c", Script, "metering-run", group.ProcsFiles.Count.ToString(CultureInfo.InvariantCulture), .. group.ProcsFiles, .. command]) start.ArgumentList.Add(argument);
        var began = clock.GetTimestamp();
        using var process = Process.Start(start) ?? throw new UserErrorException("/bin/sh can not be started; 'metering run' needs a POSIX shell.");

        // The terminal sends Ctrl-C to the command too; it decides, and its receipt is still due. TERM and HUP reach only us.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context => context.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Forward(context, process, SigTerm));
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Forward(context, process, SigHup));
        await process.WaitForExitAsync(cancel);
        var wall = clock.GetElapsedTime(began);
        if (process.ExitCode == NotMoved && group.UsageMicroseconds() == 0)
            throw new UserErrorException($"The command could not be moved into its cgroup {group.Path}; run as root, and not inside a threaded cgroup.");

        for (var told = false; group.IsPopulated(); told = true)
        {
            if (!told) await Console.Error.WriteLineAsync("metering: the command has ended, processes that it left behind have not; waiting for them.");
            await Task.Delay(LookEvery, clock, cancel);
        }

        return (process.ExitCode, wall);
    }

    private static void Forward(PosixSignalContext context, Process process, int signal)
    {
        context.Cancel = true;
        if (!process.HasExited) _ = Kill(process.Id, signal);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
