using System.Globalization;
using System.Runtime.InteropServices;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Tells which block devices are the bottom layer. I/O through LVM, LUKS or RAID appears on the stacked device and again on the disk below it;
/// counting only devices without slaves bills each byte once.
/// </summary>
internal sealed class BlockDevices(string sysDevBlock = "/sys/dev/block")
{
    private readonly Dictionary<ulong, Known> _devices = [];
    private int _sweep;

    public bool IsBottomLayer(ulong device)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_devices, device, out var seen);
        if (seen && known.Sweep == _sweep) return known.IsBottom;
        var slaves = known.Slaves ??= CgroupName.EncodeTerminated(Path.Combine(sysDevBlock, string.Create(CultureInfo.InvariantCulture, $"{device >> 32}:{device & 0xFFFFFFFF}"), "slaves"));
        var directory = Posix.OpenAt(Posix.AT_FDCWD, slaves, Posix.O_RDONLY | Posix.O_DIRECTORY);
        known.IsBottom = directory < 0 || !Posix.HasEntries(directory);
        known.Sweep = _sweep;
        return known.IsBottom;
    }

    /// <summary>Device numbers are re-used after an unplug; with the sweep of slow files each is looked at anew, which allocates nothing for one that was seen before.</summary>
    public void Forget() => _sweep = unchecked(_sweep + 1);

    private struct Known
    {
        public byte[]? Slaves;
        public int Sweep;
        public bool IsBottom;
    }
}
