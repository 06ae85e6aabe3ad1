using Metering.Agent.Cgroups;

namespace Metering.EndToEnd.Kernel;

/// <summary>The kernel's tree, and something that happens in it just before a pass asks: the race that no test can time from outside.</summary>
/// <param name="before">Called with the number of the call, from 0.</param>
internal sealed class HookedTree(ICgroupTree tree, Action<int> before) : ICgroupTree
{
    private int _calls;

    public bool RootIsMachine => tree.RootIsMachine;

    public bool IsThere => tree.IsThere;

    public IReadOnlySet<string> Controllers() => tree.Controllers();

    public bool List(string path, List<CgroupEntry> into) => Hooked().List(path, into);

    public int OpenInstance(string path, out ulong inode) => Hooked().OpenInstance(path, out inode);

    public ulong InodeAt(string path) => Hooked().InodeAt(path);

    public int OpenFile(string path, ulong inode, string file) => Hooked().OpenFile(path, inode, file);

    public int OpenDirectory(string path, ulong inode) => Hooked().OpenDirectory(path, inode);

    public int OpenIn(int directory, ReadOnlySpan<byte> file) => Hooked().OpenIn(directory, file);

    public ulong FileInode(int handle) => tree.FileInode(handle);

    public int Read(int handle, Span<byte> buffer) => Hooked().Read(handle, buffer);

    public void Close(int handle) => tree.Close(handle);

    public bool TryReadBusy(out ulong microseconds) => tree.TryReadBusy(out microseconds);

    public int Watch(string path) => Hooked().Watch(path);

    public int WatchEvents(string path) => Hooked().WatchEvents(path);

    public void Unwatch(int watch) => tree.Unwatch(watch);

    public void DrainEvents(ITreeEvents receiver) => Hooked().DrainEvents(receiver);

    private ICgroupTree Hooked()
    {
        before(_calls++);
        return tree;
    }
}
