namespace Metering.Agent.Accounting;

/// <summary>
/// One slow reading, in a buffer that is used for every cgroup. What is not known is not there, which is not zero.
/// </summary>
internal sealed class Facts
{
    public const uint All = (1u << 14) - 1;

    /// <summary>Figures that hold those of the cgroups below, read for a whole subtree in one pass so that a parent and its children are cut at the same instant.</summary>
    public const uint Conserved = (1u << (int)Fact.Swap) | (1u << (int)Fact.HugePages) | (1u << (int)Fact.OomKills);

    private readonly ulong[] _values = new ulong[14];

    /// <summary>What is asked for.</summary>
    public uint Wanted;

    /// <summary>What is known.</summary>
    public uint Known;

    /// <summary>What comes from v1, and so is best-effort.</summary>
    public uint BestEffort;

    /// <summary>Counters whose file was made anew since the last reading (controller toggled): they count from zero.</summary>
    public uint Restarted;

    /// <summary>Counters that are now read elsewhere (other groups were joined): where they stand is a new baseline.</summary>
    public uint Rebased;

    public void Begin(uint wanted) => (Wanted, Known, BestEffort, Restarted, Rebased) = (wanted, 0, 0, 0, 0);

    public bool Wants(Fact fact) => (Wanted & (1u << (int)fact)) != 0;

    public bool Has(Fact fact) => (Known & (1u << (int)fact)) != 0;

    public bool HasRestarted(Fact fact) => (Restarted & (1u << (int)fact)) != 0;

    public bool IsRebased(Fact fact) => (Rebased & (1u << (int)fact)) != 0;

    public ulong this[Fact fact] => _values[(int)fact];

    public void Set(Fact fact, ulong value, bool bestEffort = false)
    {
        _values[(int)fact] = value;
        Known |= 1u << (int)fact;
        if (bestEffort) BestEffort |= 1u << (int)fact;
    }

    /// <summary>Several files or groups make one figure (sizes of huge pages).</summary>
    public void Add(Fact fact, ulong value, bool bestEffort = false) => Set(fact, Has(fact) ? checked(_values[(int)fact] + value) : value, bestEffort);
}
