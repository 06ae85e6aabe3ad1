using System.Text;
using Metering.Agent.Cgroups;

namespace Metering.Agent.Enforcement;

/// <summary>Reads and writes interface files of one cgroup instance, never of another one that lives at its path.</summary>
internal class ControlFiles(string mountPoint)
{
    private const int MaxBytes = 64 * 1024;

    /// <summary>0 when there is no cgroup at the path.</summary>
    public ulong InodeOf(string path) => Posix.InodeAt(CgroupName.EncodeTerminated(mountPoint + path));

    /// <summary>The file's text; null and the errno when it can not be read.</summary>
    public string? Read(string path, ulong inode, string file, out int error)
    {
        var handle = Open(path, inode, file, Posix.O_RDONLY);
        error = -Math.Min(handle, 0);
        if (handle < 0) return null;
        var buffer = new byte[MaxBytes];
        var length = Posix.Pread(handle, buffer);
        Posix.Close(handle);
        error = -Math.Min(length, 0);
        return length < 0 ? null : Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>One write, as the kernel wants it; 0, or the errno.</summary>
    public virtual int Write(string path, ulong inode, string file, string text)
    {
        var handle = Open(path, inode, file, Posix.O_WRONLY | Posix.O_TRUNC);
        if (handle < 0) return -handle;
        var written = Posix.Write(handle, Encoding.UTF8.GetBytes(text));
        Posix.Close(handle);
        return -Math.Min(written, 0);
    }

    private int Open(string path, ulong inode, string file, int flags)
    {
        var directory = Posix.OpenAt(Posix.AT_FDCWD, CgroupName.EncodeTerminated(mountPoint + path), Posix.O_PATH | Posix.O_DIRECTORY);
        if (directory < 0) return directory;
        var handle = Posix.InodeOf(directory) == inode ? Posix.OpenAt(directory, CgroupName.EncodeTerminated(file), flags) : -Posix.ENOENT;
        Posix.Close(directory);
        return handle;
    }
}
