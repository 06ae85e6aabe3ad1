using System.Runtime.InteropServices;
using Metering.Agent.Cgroups;
using Metering.Messages;

namespace Metering.Agent.Accounting;

/// <summary>
/// Block I/O of one cgroup, summed over devices. Every device has its own reset (unplug, re-use of its number), so each is accumulated by itself and the sums only grow.
/// </summary>
internal sealed class IoState
{
    public readonly Account[] Accounts = new Account[4];
    public int Handle = -1;

    /// <summary>Inode of io.stat as it was last opened: another one is another life of its counters. 0 when not known.</summary>
    public ulong FileInode;
    public Availability Availability = Availability.Exact;
    public int RetryIn;
    public bool Moved;

    /// <summary>The counters go on from a reading of this process: that they stand still proves that nothing was used below. Not so when they began anew in between.</summary>
    public bool Proves;

    /// <summary>It could not be read when its parent was: what it used meanwhile is its parent's own.</summary>
    public bool Missed;

    /// <summary>Per (v1 group, device), group 0 on v2: the last reading and the sum over its lives.</summary>
    public readonly Dictionary<(ulong Group, ulong Device), IoReading> Last = [];
    public ulong ReadBytes, WriteBytes, ReadOperations, WriteOperations;

    /// <summary>As when it was made: for another cgroup.</summary>
    public void Clear()
    {
        Array.Clear(Accounts);
        Last.Clear();
        (Handle, FileInode, Availability, RetryIn, Moved, Proves, Missed) = (-1, 0, Availability.Exact, 0, false, false, false);
        (ReadBytes, WriteBytes, ReadOperations, WriteOperations) = (0, 0, 0, 0);
    }

    /// <summary>Takes one device's line. <paramref name="countFirst"/> false: the first line of a device seen late is a baseline.</summary>
    public void Observe(ulong group, in IoReading now, bool countFirst)
    {
        ref var last = ref CollectionsMarshal.GetValueRefOrAddDefault(Last, (group, now.Device), out var known);
        if (known || countFirst)
        {
            ReadBytes += Growth(last.ReadBytes, now.ReadBytes);
            WriteBytes += Growth(last.WriteBytes, now.WriteBytes);
            ReadOperations += Growth(last.ReadOperations, now.ReadOperations);
            WriteOperations += Growth(last.WriteOperations, now.WriteOperations);
        }

        last = now;
    }

    public ulong Sum(int account) => account switch { 0 => ReadBytes, 1 => WriteBytes, 2 => ReadOperations, _ => WriteOperations };

    private static ulong Growth(ulong last, ulong now) => now >= last ? now - last : now;
}
