using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

// What can not be read is named, and stays in the figure of a parent that can: sums are exact, the split waits.
internal sealed partial class Meterer
{
    private int _keptCpu;

    private void Failed(int error) => Counters.Failed(error);

    // Only asked when a path is not found: a mount that is gone takes every path with it and ends no cgroup. Ending them would bill them from zero when it comes back.
    private bool TreeIsGone()
    {
        if (_tree.IsThere) return false;
        Counters.TreeGone++;
        return true;
    }

    // What was born and could not be met: its use is the parent's own until it is met, and then it counts from there. The parent's enumeration proves nothing about it.
    private void Unproved(CgroupNode parent)
    {
        if (parent.Enumerated) Touch(parent);
        (parent.Enumerated, parent.BornLater, parent.Refused, parent.Clean) = (false, false, true, false);
    }

    // Gone since, or still there and not to be listed.
    private void NotListed(CgroupNode node)
    {
        Unproved(node);
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
