using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Tells which block devices are the bottom layer. I/O through LVM, LUKS or RAID appears on the stacked device and again on the disk below it;
/// counting only devices without slaves bills each byte once.
/// </summary>
internal sealed class BlockDevices(string sysDevBlock = "/sys/dev/block")
{
    private readonly Dictionary<ulong, bool> _bottom = [];

    public bool IsBottomLayer(ulong device)
    {
        if (_bottom.TryGetValue(device, out var known)) return known;
        var slaves = Path.Combine(sysDevBlock, string.Create(CultureInfo.InvariantCulture, $"{device >> 32}:{device & 0xFFFFFFFF}"), "slaves");
        var bottom = !Directory.Exists(slaves) || !Directory.EnumerateFileSystemEntries(slaves).Any();
        _bottom[device] = bottom;
        return bottom;
    }

    /// <summary>Device numbers are re-used after an unplug; the sweep of slow files forgets what it knew.</summary>
    public void Forget() => _bottom.Clear();
}
