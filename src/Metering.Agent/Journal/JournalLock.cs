using System.Text;
using Metering.Agent.Cgroups;
using Metering.Safety;

namespace Metering.Agent.Journal;

/// <summary>One agent per journal: the lock is the kernel's and ends with the process, whatever ends it. The file says who holds it, for the next one to tell.</summary>
internal static class JournalLock
{
    /// <summary>Throws <see cref="UserErrorException"/> (exit 1) when another process has it, <see cref="IOException"/> when the directory can not be used.</summary>
    public static FileStream Take(string directory)
    {
        var file = Path.Combine(directory, "journal.lock");
        FileStream held;
        try
        {
            held = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (File.Exists(file) && e is not (FileNotFoundException or DirectoryNotFoundException) && Holder(file) is { } holder)
        {
            throw new UserErrorException($"The journal in '{directory}' is in use by another agent, {holder}; stop that one or give another --data.", inner: e);
        }

        try
        {
            held.SetLength(0);
            held.Write(Encoding.UTF8.GetBytes($"process {Environment.ProcessId} ({Path.GetFileName(Environment.ProcessPath)} on {Environment.MachineName})"));
            held.Flush();
        }
        catch (IOException)
        {
            // A full disk: the lock holds all the same, it only does not say whose it is.
        }

        return held;
    }

    // By plain system calls: a FileStream would ask for a lock of its own and be refused.
    private static string? Holder(string file)
    {
        var handle = Posix.OpenAt(Posix.AT_FDCWD, Encoding.UTF8.GetBytes(file + "\0"), Posix.O_RDONLY);
        if (handle < 0) return null;
        Span<byte> text = stackalloc byte[200];
        var length = Posix.Pread(handle, text);
        Posix.Close(handle);
        return length > 0 ? Encoding.UTF8.GetString(text[..length]) : "whose process is not known";
    }
}
