using System.Globalization;
using System.Runtime.InteropServices;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Tells which block devices are the bottom layer. I/O through a stacked device appears on it and again on what is below it; counting only the bottom bills each byte once:
/// <list type="bullet">
/// <item>a device with an entry in <c>slaves/</c> is not billed: LVM, LUKS and every other device mapper target, md RAID, bcache, DRBD; the disks below it are, mirrored bytes once for each disk;</item>
/// <item>a loop device with a file (<c>loop/backing_file</c>) is not: the file's own file system does the I/O, on a disk that is billed;</item>
/// <item>every other is: disks, NVMe, virtio; of NVMe with native multipath the head (<c>nvme0n1</c>), whose paths (<c>nvme0c0n1</c>) the kernel hides and prints as <c>(unknown)</c>.</item>
/// </list>
/// The kernel counts by disk, never by partition. What can not be looked at is taken for what it was last, else for a bottom layer.
/// </summary>
internal sealed class BlockDevices(string sysDevBlock = "/sys/dev/block")
{
    private readonly Dictionary<ulong, Known> _devices = [];
    private int _sweep;

    public bool IsBottomLayer(ulong device)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_devices, device, out var seen);
        if (seen && known.Sweep == _sweep) return known.IsBottom;
        if (!seen)
        {
            var path = Path.Combine(sysDevBlock, string.Create(CultureInfo.InvariantCulture, $"{device >> 32}:{device & 0xFFFFFFFF}"));
            known = new Known { Device = CgroupName.EncodeTerminated(path), Slaves = CgroupName.EncodeTerminated(path + "/slaves"), LoopFile = CgroupName.EncodeTerminated(path + "/loop/backing_file"), IsBottom = true };
        }

        known.Sweep = _sweep;
        if (Posix.InodeAt(known.Device) == 0) return known.IsBottom;
        var directory = Posix.OpenAt(Posix.AT_FDCWD, known.Slaves, Posix.O_RDONLY | Posix.O_DIRECTORY);
        return known.IsBottom = (directory < 0 || !Posix.HasEntries(directory)) && Posix.InodeAt(known.LoopFile) == 0;
    }

    /// <summary>Device numbers are re-used after an unplug; with the sweep of slow files each is looked at anew, which allocates nothing for one that was seen before.</summary>
    public void Forget() => _sweep = unchecked(_sweep + 1);

    private struct Known
    {
        public byte[] Device, Slaves, LoopFile;
        public int Sweep;
        public bool IsBottom;
    }
}
