using System.Text;
using Metering.Agent.Cgroups;

namespace Metering.Tests.Identity;

/// <summary>A flat tree of many cgroups whose calls can be made to fail as the kernel's do.</summary>
internal sealed class TroubledTree(int count) : ICgroupTree
{
    private readonly HashSet<int> _open = [];
    private int _next = 1;

    public ulong[] Usage { get; } = new ulong[count];

    public ulong RootExtra { get; set; }

    /// <summary>Descriptors there are.</summary>
    public int Limit { get; set; } = int.MaxValue;

    public int MostOpen { get; private set; }

    /// <summary>−errno of opening a child's cpu.stat; 0 when it opens.</summary>
    public Func<int, int> OpenError { get; set; } = _ => 0;

    public int WatchError { get; set; }

    /// <summary>Directories can not be listed.</summary>
    public bool Unlistable { get; set; }

    /// <summary>How many of the children there are by now.</summary>
    public int Born { get; set; } = count;

    public bool Mounted { get; set; } = true;

    public bool IsThere => Mounted;

    public bool RootIsMachine => false;

    public ulong Total => RootExtra + Usage.Aggregate(0UL, (sum, one) => sum + one);

    public IReadOnlySet<string> Controllers() => new HashSet<string>();

    public bool List(string path, List<CgroupEntry> into)
    {
        if (!Mounted || Unlistable || _open.Count >= Limit) return false;
        if (path == "/") for (var i = 0; i < Born; i++) into.Add(new CgroupEntry("c" + i, (ulong)i + 2));
        return true;
    }

    public int OpenInstance(string path, out ulong inode)
    {
        inode = InodeAt(path);
        if (inode == 0) return -Posix.ENOENT;
        return inode > 1 && OpenError((int)inode - 2) is < 0 and var error ? error : Open(inode);
    }

    public ulong InodeAt(string path) => !Mounted ? 0 : path == "/" ? 1 : ulong.Parse(path.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture) + 2;

    public int OpenFile(string path, ulong inode, string file) => -Posix.ENOENT;

    public int OpenDirectory(string path, ulong inode) => Mounted ? Open(InodeAt(path)) : -Posix.ENOENT;

    public int OpenIn(int directory, ReadOnlySpan<byte> file) => -Posix.ENOENT;

    public ulong FileInode(int handle) => 1;

    public int Read(int handle, Span<byte> buffer)
    {
        var inode = handle / 1_000;
        return Encoding.ASCII.GetBytes($"usage_usec {(inode == 1 ? Total : Usage[inode - 2])}\n", buffer);
    }

    public void Close(int handle) => _open.Remove(handle);

    public bool TryReadBusy(out ulong microseconds) => (microseconds = 0) == 1;

    public int WatchEvents(string path) => -Posix.ENOSPC;

    public int Watch(string path) => WatchError != 0 ? WatchError : (int)InodeAt(path);

    public void Unwatch(int watch)
    {
    }

    public void DrainEvents(ITreeEvents receiver)
    {
    }

    private int Open(ulong inode)
    {
        if (_open.Count >= Limit) return -Posix.EMFILE;
        var handle = (int)inode * 1_000 + _next++ % 1_000;
        _open.Add(handle);
        MostOpen = Math.Max(MostOpen, _open.Count);
        return handle;
    }
}
