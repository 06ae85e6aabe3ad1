using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;

namespace Metering.Cli.Running;

/// <summary>Reads the CPU counter of one cgroup now, with the inode of the instance that it belongs to.</summary>
internal static class KernelCounter
{
    public static bool TryRead(KernelTree tree, string path, out ulong inode, out ulong microseconds)
    {
        (inode, microseconds) = (0, 0);
        if (path == "/" && tree.RootIsMachine) return tree.TryReadBusy(out microseconds);
        var handle = tree.OpenInstance(path, out inode);
        if (handle < 0) return false;
        Span<byte> buffer = stackalloc byte[4096];
        var length = tree.Read(handle, buffer);
        tree.Close(handle);
        return length > 0 && StatParser.TryUsage(buffer[..length], out microseconds);
    }
}
