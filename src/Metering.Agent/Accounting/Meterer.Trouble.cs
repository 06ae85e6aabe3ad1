using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

// What can not be read is named, and stays in the figure of a parent that can: sums are exact, the split waits.
internal sealed partial class Meterer
{
    private int _keptCpu;

    private void Failed(int error)
    {
        Counters.ReadErrors++;
        if (error is -Posix.EMFILE or -Posix.ENFILE) Counters.NoDescriptors++;
        else if (error is -Posix.EACCES or -Posix.EPERM) Counters.Unreadable++;
    }

    // Only asked when a path is not found: a mount that is gone takes every path with it and ends no cgroup. Ending them would bill them from zero when it comes back.
    private bool TreeIsGone()
    {
        if (_tree.IsThere) return false;
        Counters.TreeGone++;
        return true;
    }

    // Gone since, or still there and not to be listed: then what is born in it is its own until it can be.
    private void NotListed(CgroupNode node)
    {
        if (TreeIsGone()) return;
        var directory = _tree.OpenDirectory(node.Path, node.Inode);
        if (directory == -Posix.ENOENT) return;
        if (directory >= 0) _tree.Close(directory);
        Failed(directory >= 0 ? -Posix.EACCES : directory);
    }

    private void CloseCpu(CgroupNode node)
    {
        _tree.Close(node.CpuHandle);
        _keptCpu--;
    }
}
