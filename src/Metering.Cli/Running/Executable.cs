namespace Metering.Cli.Running;

/// <summary>Finds a command as a shell would, before anything is made for it.</summary>
internal static class Executable
{
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>0 when it can be run; 127 not found, 126 not executable (POSIX shell).</summary>
    public static int Check(string command, string? searchPath)
    {
        if (command.Contains('/')) return Directory.Exists(command) ? 126 : !File.Exists(command) ? 127 : MayRun(command) ? 0 : 126;
        return (searchPath ?? "/usr/local/bin:/usr/bin:/bin").Split(':').Any(directory => MayRun(Path.Combine(directory.Length == 0 ? "." : directory, command))) ? 0 : 127;
    }

    private static bool MayRun(string file) => File.Exists(file) && (File.GetUnixFileMode(file) & AnyExecute) != 0;
}
