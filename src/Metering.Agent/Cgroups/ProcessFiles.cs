using System.Buffers.Text;
using System.Text;

namespace Metering.Agent.Cgroups;

/// <summary>Files of one process below /proc, read without making text. Not for two threads at once.</summary>
internal sealed class ProcessFiles(string proc = "/proc")
{
    private readonly byte[] _root = Encoding.UTF8.GetBytes(proc + "/");
    private readonly byte[] _path = new byte[Encoding.UTF8.GetByteCount(proc) + 64];

    /// <summary>Inode of a namespace of the process, such as <c>ns/net</c>; 0 when it is gone, or this process may not know (CAP_SYS_PTRACE).</summary>
    public ulong Namespace(int process, ReadOnlySpan<byte> file) => Posix.InodeAt(Path(process, file));

    /// <summary>Bytes read, or −errno. A file longer than the buffer is cut.</summary>
    public int Read(int process, ReadOnlySpan<byte> file, Span<byte> buffer)
    {
        var handle = Posix.OpenAt(Posix.AT_FDCWD, Path(process, file), Posix.O_RDONLY);
        if (handle < 0) return handle;
        var length = 0;
        while (length < buffer.Length)
        {
            var more = Posix.Read(handle, buffer[length..]);
            if (more <= 0)
            {
                if (length == 0) length = more;
                break;
            }

            length += more;
        }

        Posix.Close(handle);
        return length;
    }

    private ReadOnlySpan<byte> Path(int process, ReadOnlySpan<byte> file)
    {
        _root.CopyTo(_path.AsSpan());
        var length = _root.Length;
        Utf8Formatter.TryFormat(process, _path.AsSpan(length), out var written);
        length += written;
        _path[length++] = (byte)'/';
        file.CopyTo(_path.AsSpan(length));
        length += file.Length;
        _path[length++] = 0;
        return _path.AsSpan(0, length);
    }
}
