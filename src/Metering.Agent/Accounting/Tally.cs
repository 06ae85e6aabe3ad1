namespace Metering.Agent.Accounting;

/// <summary>
/// The running account of a meter that is read rarely, in its base unit. Smaller than <see cref="Account"/>: the counter's lives are added up as they are read,
/// so that what is published is one growing sum and its readings chain from 0 at the baseline.
/// </summary>
internal struct Tally
{
    /// <summary>The counter as last read.</summary>
    public ulong Reading;

    /// <summary>Growth since the baseline, over all lives of the counter.</summary>
    public ulong Used;

    /// <summary>Published for this cgroup itself.</summary>
    public ulong Own;

    /// <summary>Claims of children that are gone; only where a parent's figure holds its children's.</summary>
    public ulong Dead;

    /// <summary>What the subtree is known to have used; never less than <see cref="Own"/> + claims below.</summary>
    public ulong Claim;

    /// <summary><see cref="Own"/> as the journal has it.</summary>
    public ulong Journalled;

    /// <summary>False until it was known once: unknown is not zero.</summary>
    public bool Started;

    public readonly ulong Unpublished => Own - Journalled;

    /// <summary>Takes a reading of a counter; true when it grew. One that went backwards, or whose file was made anew, has restarted from zero.</summary>
    public bool Observe(ulong reading, bool fromZero, bool restarted)
    {
        var growth = !Started ? (fromZero ? reading : 0) : restarted || reading < Reading ? reading : reading - Reading;
        (Reading, Started) = (reading, true);
        Used = checked(Used + growth);
        return growth > 0;
    }

    /// <summary>The counter is read elsewhere from now on.</summary>
    public void Rebase(ulong reading) => (Reading, Started) = (reading, true);

    /// <summary>Adds what was integrated.</summary>
    public bool Add(ulong growth)
    {
        Started = true;
        Used = checked(Used + growth);
        return growth > 0;
    }

    /// <summary>Nothing below counts into this figure: all of it is the cgroup's own.</summary>
    public void SettleAlone() => Own = Claim = Used;

    /// <summary>The claim rule of <see cref="Account.Settle"/>, without rounding: these count whole things.</summary>
    public void Settle(ulong claimsBelow)
    {
        var below = Dead + claimsBelow;
        if (Used > below + Own) Own = Used - below;
        Claim = Math.Max(Used, Own + below);
    }

    /// <summary>The cgroup is gone: what it claims and no child claimed was its own.</summary>
    public void Release()
    {
        // A child may have been read again after this cgroup was.
        Claim = Math.Max(Claim, Own + Dead);
        Own = Claim - Dead;
    }
}
