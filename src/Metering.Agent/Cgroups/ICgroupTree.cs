namespace Metering.Agent.Cgroups;

/// <summary>
/// The cgroup2 tree as a pass sees it. The kernel is one; the simulation, whose truth is known, the other. Paths are below the root, which is <c>/</c>.
/// Handles are bound to an instance: after its removal a read answers −ENODEV even if the path was made again.
/// </summary>
internal interface ICgroupTree
{
    /// <summary>True when the root is the machine's own root cgroup: it has no counters, /proc/stat speaks for it.</summary>
    bool RootIsMachine { get; }

    /// <summary>CPU is v1's <c>cpuacct.usage</c>, one number of nanoseconds, and so best-effort: anyone who may write there sets it to 0.</summary>
    bool CpuIsNanoseconds => false;

    /// <summary>False when what was found at the root when the tree was opened is not there any more (unmounted): that a path is gone then tells of no cgroup's end.</summary>
    bool IsThere => true;

    /// <summary>Controllers of the root (cgroup.controllers).</summary>
    IReadOnlySet<string> Controllers();

    /// <summary>Adds the child directories; false when the directory is gone or can not be read to its end.</summary>
    bool List(string path, List<CgroupEntry> into);

    /// <summary>Opens cpu.stat of whatever lives at the path now, and tells its inode. A handle, or −errno.</summary>
    int OpenInstance(string path, out ulong inode);

    /// <summary>Inode of the directory at the path now; 0 when there is none.</summary>
    ulong InodeAt(string path);

    /// <summary>Opens a further file of the instance; −ENOENT when the path holds another instance or no such file. Inode 0 is the root, which is never another.</summary>
    int OpenFile(string path, ulong inode, string file);

    /// <summary>Opens the directory of the instance, to read several files of it; −ENOENT when the path holds another. Inode 0 is the root.</summary>
    int OpenDirectory(string path, ulong inode);

    /// <summary>Opens a file in an open directory; its name ends with a zero byte. A handle, or −errno.</summary>
    int OpenIn(int directory, ReadOnlySpan<byte> file);

    /// <summary>Inode of an open file; 0 when it can not be told. A controller that was switched off and on has made its files anew.</summary>
    ulong FileInode(int handle);

    /// <summary>Bytes of the file, or −errno.</summary>
    int Read(int handle, Span<byte> buffer);

    void Close(int handle);

    /// <summary>Busy time of all processors since boot in microseconds (/proc/stat); false when unknown.</summary>
    bool TryReadBusy(out ulong microseconds);

    /// <summary>Watches a directory for births and deaths of children: an id, or −errno when there is no watch to be had.</summary>
    int Watch(string path);

    /// <summary>Watches <c>cgroup.events</c> of whatever lives at the path now: an id, or −errno when there is no watch to be had.</summary>
    int WatchEvents(string path);

    void Unwatch(int watch);

    /// <summary>Hands every pending event to the receiver; a lost event calls <see cref="ITreeEvents.Overflow"/>.</summary>
    void DrainEvents(ITreeEvents receiver);
}
