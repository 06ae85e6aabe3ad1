using Metering.Agent.Cgroups;
using Metering.Messages;

namespace Metering.Agent.Accounting;

/// <summary>The slow families of one cgroup. Made at first sight of it, when everything is read once.</summary>
internal sealed class SlowState
{
    public readonly Tally[] Tallies = new Tally[SlowMeter.All.Length];
    public readonly Level[] Levels = new Level[SlowMeter.Levels];

    /// <summary>Limits as last read: the cgroup's own, and the narrowest of it and its ancestors. <see cref="SlowParser.NoLimit"/> where there is none or it is unknown.</summary>
    public ulong CpuLimit = SlowParser.NoLimit, MemoryLimit = SlowParser.NoLimit;

    /// <summary>What the cgroup and those below it have reserved: millionths of a processor, bytes.</summary>
    public ulong CpuReserved, MemoryReserved;

    /// <summary>cpuset.cpus.effective where it is narrower than the host.</summary>
    public ulong Processors = SlowParser.NoLimit;

    /// <summary>Facts that came from v1.</summary>
    public uint BestEffort;

    /// <summary>Facts that were known at the last reading; those that were not are said to be unavailable here.</summary>
    public uint Known;

    /// <summary>Inode of memory.events: another one is another life of its counters, for a toggled controller makes its files anew.</summary>
    public ulong EventsInode;

    /// <summary>The v1 groups that were joined at the last reading, as one number (the inodes of their directories, xor); others mean other counters.</summary>
    public ulong JoinedGroups;

    /// <summary>cpu.stat at the last reading: while it stands still, no task of the cgroup can have raised its peak.</summary>
    public ulong CpuAtReading;

    /// <summary>Until when its lifetime is counted, in microseconds of the clock since boot; 0 before the first.</summary>
    public long AliveAtMicroseconds;

    /// <summary>Kills grew at the last reading: some of them may be of cgroups below.</summary>
    public bool OomMoved;

    /// <summary>The pass of the last reading; 0 before the first of this process.</summary>
    public long LastPass;

    /// <summary>Facts whose files this cgroup does not have (its controllers are off); asked for again at the bound of a bucket.</summary>
    public uint Missing;

    /// <summary>The bucket in which the journal last took every meter of this cgroup: a meter that is known and zero is written once a bucket.</summary>
    public long WrittenBucket = -1;

    public NetworkState? Network;

    public bool IsMissing(Fact fact) => (Missing & (1u << (int)fact)) != 0;

    public bool Has(Fact fact) => (Known & (1u << (int)fact)) != 0;

    public bool IsBestEffort(Fact fact) => (BestEffort & (1u << (int)fact)) != 0;

    /// <summary>Exact where the kernel's own figure is read; lifetimes begin with the first sight of the cgroup.</summary>
    public Availability AvailabilityOf(int meter) => meter switch
    {
        // A namespace's counters end with its last process, and no parent keeps them.
        SlowMeter.NetworkReceive or SlowMeter.NetworkTransmit => Availability.BestEffort,
        SlowMeter.Lifetime => Availability.BestEffort,
        SlowMeter.Throttled => IsBestEffort(Fact.Throttled) ? Availability.BestEffort : Availability.Exact,
        SlowMeter.Frozen => IsBestEffort(Fact.FrozenNow) ? Availability.BestEffort : Availability.Exact,
        SlowMeter.CpuReserved => IsBestEffort(Fact.CpuLimit) || IsBestEffort(Fact.Processors) ? Availability.BestEffort : Availability.Exact,
        SlowMeter.MemoryReserved => IsBestEffort(Fact.MemoryLimit) ? Availability.BestEffort : Availability.Exact,
        _ => SlowMeter.All[meter].Fact is { } fact && IsBestEffort(fact) ? Availability.BestEffort : Availability.Exact,
    };

    public bool HasUnpublished
    {
        get
        {
            foreach (ref readonly var tally in Tallies.AsSpan())
            {
                if (tally.Unpublished > 0) return true;
            }

            return false;
        }
    }

    /// <summary>The machine started again, or the counters otherwise begin anew: nothing is integrated across, counters are read from zero.</summary>
    public void Restart()
    {
        foreach (ref var tally in Tallies.AsSpan()) tally.Reading = 0;
        foreach (ref var level in Levels.AsSpan()) (level.Known, level.ZeroAtMicroseconds) = (false, 0);
        (AliveAtMicroseconds, EventsInode, Network, Missing) = (0, 0, null, 0);
    }

    /// <summary>As when it was made: for another cgroup.</summary>
    public void Clear()
    {
        Array.Clear(Tallies);
        Array.Clear(Levels);
        (CpuLimit, MemoryLimit, Processors) = (SlowParser.NoLimit, SlowParser.NoLimit, SlowParser.NoLimit);
        (CpuReserved, MemoryReserved, BestEffort, Known, Missing) = (0, 0, 0, 0, 0);
        (EventsInode, JoinedGroups, CpuAtReading, AliveAtMicroseconds) = (0, 0, 0, 0);
        (OomMoved, LastPass, WrittenBucket, Network) = (false, 0, -1, null);
    }

    public void MarkJournalled(long bucket)
    {
        WrittenBucket = bucket;
        foreach (ref var tally in Tallies.AsSpan()) tally.Journalled = tally.Own;
    }
}
