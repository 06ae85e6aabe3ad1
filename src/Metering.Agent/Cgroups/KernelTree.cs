using System.Buffers.Binary;
using System.Text;

namespace Metering.Agent.Cgroups;

/// <summary>The kernel's cgroup2 tree below one mount point (or any directory of the same shape).</summary>
internal sealed class KernelTree : ICgroupTree, IDisposable
{
    private readonly string _root;
    private readonly ulong _inode;
    private int _inotify;
    private int _interrupt;
    private int _procStat;
    private readonly byte[] _events = new byte[64 * 1024];
    private readonly byte[] _stat = new byte[64 * 1024];
    private static readonly byte[] CpuStat = "cpu.stat\0"u8.ToArray(), CpuacctUsage = "cpuacct.usage\0"u8.ToArray();
    private int _controllersFile;
    private readonly byte[] _controllersRead = new byte[1024];
    private byte[] _controllersText = [];
    private byte[] _path = new byte[1024];
    private IReadOnlySet<string> _controllers = new HashSet<string>();

    public KernelTree(string root)
    {
        _root = root.TrimEnd('/');
        _inode = InodeAt("/");
        _inotify = Posix.InotifyInit();
        _interrupt = Posix.EventFd();
        _procStat = Posix.OpenAt(Posix.AT_FDCWD, "/proc/stat\0"u8, Posix.O_RDONLY);
        _controllersFile = Posix.OpenAt(Posix.AT_FDCWD, Full("/cgroup.controllers"), Posix.O_RDONLY);

        // v1 has no cgroup.controllers; mounted together with cpu, its groups have a cpu.stat too, which is another file.
        CpuIsNanoseconds = File.Exists(Path.Combine(root, "cpuacct.usage"));

        // The real root has no cgroup.type; a container's private root, and a subtree, have one.
        RootIsMachine = Directory.Exists(root) && !File.Exists(Path.Combine(root, "cgroup.type"));
    }

    /// <summary>Whether a directory is (part of) a tree that CPU can be read in: cgroup2, whose every cgroup has cgroup.controllers, or v1 cpuacct.</summary>
    public static bool IsTree(string root) => File.Exists(Path.Combine(root, "cgroup.controllers")) || File.Exists(Path.Combine(root, "cpuacct.usage"));

    public bool RootIsMachine { get; init; }

    public bool IsThere => InodeAt("/") == _inode;

    public bool CpuIsNanoseconds { get; }

    public string MountPoint => _root;

    // The file is read each time and taken apart only when it says something else: passes ask again and again and must not allocate.
    public IReadOnlySet<string> Controllers()
    {
        var length = _controllersFile < 0 ? 0 : Math.Max(Posix.Pread(_controllersFile, _controllersRead), 0);
        ReadOnlySpan<byte> text = _controllersRead.AsSpan(0, length);
        if (text.SequenceEqual(_controllersText)) return _controllers;
        _controllersText = text.ToArray();
        return _controllers = Encoding.ASCII.GetString(text).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal);
    }

    public bool List(string path, List<CgroupEntry> into)
    {
        var fd = Posix.OpenAt(Posix.AT_FDCWD, Full(path), Posix.O_RDONLY | Posix.O_DIRECTORY);
        return fd >= 0 && Posix.EachDirectory(fd, into);
    }

    public int OpenInstance(string path, out ulong inode)
    {
        inode = 0;
        var directory = Posix.OpenAt(Posix.AT_FDCWD, Full(path), Posix.O_PATH | Posix.O_DIRECTORY);
        if (directory < 0) return directory;
        inode = Posix.InodeOf(directory);
        var handle = Posix.OpenAt(directory, CpuIsNanoseconds ? CpuacctUsage : CpuStat, Posix.O_RDONLY);
        Posix.Close(directory);
        return handle;
    }

    public ulong InodeAt(string path) => Posix.InodeAt(Full(path));

    public int OpenFile(string path, ulong inode, string file)
    {
        var directory = Posix.OpenAt(Posix.AT_FDCWD, Full(path), Posix.O_PATH | Posix.O_DIRECTORY);
        if (directory < 0) return directory;
        var handle = inode == 0 || Posix.InodeOf(directory) == inode ? Posix.OpenAt(directory, Encoded(file, ""), Posix.O_RDONLY) : -Posix.ENOENT;
        Posix.Close(directory);
        return handle;
    }

    public int OpenDirectory(string path, ulong inode)
    {
        var directory = Posix.OpenAt(Posix.AT_FDCWD, Full(path), Posix.O_PATH | Posix.O_DIRECTORY);
        if (directory < 0 || inode == 0 || Posix.InodeOf(directory) == inode) return directory;
        Posix.Close(directory);
        return -Posix.ENOENT;
    }

    public int OpenIn(int directory, ReadOnlySpan<byte> file) => Posix.OpenAt(directory, file, Posix.O_RDONLY);

    public ulong FileInode(int handle) => Posix.InodeOf(handle);

    public int Read(int handle, Span<byte> buffer) => Posix.Pread(handle, buffer);

    public void Close(int handle) => Posix.Close(handle);

    public bool TryReadBusy(out ulong microseconds)
    {
        microseconds = 0;
        if (_procStat < 0) return false;
        var length = Posix.Pread(_procStat, _stat);
        return length > 0 && StatParser.TryBusyMicroseconds(_stat.AsSpan(0, length), out microseconds);
    }

    public int Watch(string path) =>
        _inotify < 0 ? _inotify : Posix.InotifyAddWatch(_inotify, Full(path), Posix.IN_CREATE | Posix.IN_DELETE | Posix.IN_ONLYDIR);

    public int WatchEvents(string path) => _inotify < 0 ? _inotify : Posix.InotifyAddWatch(_inotify, Encoded(_root, path, "/cgroup.events"), Posix.IN_MODIFY);

    /// <summary>Waits for an event at most so long; true when there is one. <see cref="Interrupt"/> ends it early.</summary>
    public bool WaitForEvents(TimeSpan atMost) => Posix.Poll(_inotify, _interrupt, (int)Math.Clamp(Math.Ceiling(atMost.TotalMilliseconds), 0, int.MaxValue));

    /// <summary>Waits for so long, whatever happens in the tree. <see cref="Interrupt"/> ends it early.</summary>
    public void Rest(TimeSpan time) => Posix.Poll(-1, _interrupt, (int)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), 0, int.MaxValue));

    /// <summary>Ends a wait, from any thread, and every later one.</summary>
    public void Interrupt()
    {
        if (Volatile.Read(ref _interrupt) is >= 0 and var held) Posix.Signal(held);
    }

    public void Unwatch(int watch) => Posix.InotifyRemoveWatch(_inotify, watch);

    public void DrainEvents(ITreeEvents receiver)
    {
        if (_inotify < 0) return;
        while (true)
        {
            var length = Posix.Read(_inotify, _events);
            if (length <= 0) return;
            for (var at = 0; at < length;)
            {
                // struct inotify_event: wd 4, mask 4, cookie 4, len 4, name padded with zero bytes to len.
                var header = _events.AsSpan(at, 16);
                var watch = BinaryPrimitives.ReadInt32LittleEndian(header);
                var mask = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
                var nameLength = (int)BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
                if ((mask & Posix.IN_Q_OVERFLOW) != 0)
                {
                    receiver.Overflow();
                }
                else if ((mask & Posix.IN_ISDIR) != 0)
                {
                    if ((mask & Posix.IN_CREATE) != 0) receiver.Born(watch, _events.AsSpan(at + 16, nameLength).TrimEnd((byte)0));
                    else if ((mask & Posix.IN_DELETE) != 0) receiver.Died(watch, _events.AsSpan(at + 16, nameLength).TrimEnd((byte)0));
                }
                else if ((mask & Posix.IN_MODIFY) != 0)
                {
                    receiver.Changed(watch);
                }

                at += 16 + nameLength;
            }
        }
    }

    /// <summary>May be called again: a number that was given back is soon somebody else's file.</summary>
    public void Dispose()
    {
        Release(ref _inotify);
        Release(ref _interrupt);
        Release(ref _procStat);
        Release(ref _controllersFile);
    }

    private static void Release(ref int handle)
    {
        if (Interlocked.Exchange(ref handle, -1) is >= 0 and var held) Posix.Close(held);
    }

    // Valid until the next call: files beyond the kept descriptors are opened at every pass, and a pass must not allocate.
    private ReadOnlySpan<byte> Full(string path) => Encoded(_root, path == "/" ? "" : path);

    private ReadOnlySpan<byte> Encoded(string first, string second, string third = "")
    {
        var room = CgroupName.MaxEncoded(first.Length) + CgroupName.MaxEncoded(second.Length) + CgroupName.MaxEncoded(third.Length) + 1;
        if (_path.Length < room) _path = new byte[room];
        var length = CgroupName.Encode(first, _path);
        length += CgroupName.Encode(second, _path.AsSpan(length));
        length += CgroupName.Encode(third, _path.AsSpan(length));
        _path[length] = 0;
        return _path.AsSpan(0, length + 1);
    }
}
