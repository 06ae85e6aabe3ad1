using Metering.Safety;

namespace Metering.Agent.Accounting;

/// <summary>
/// The running account of one counter of one cgroup instance, in the counter's base unit. <c>Own</c>, <c>Dead</c> and <c>Claim</c> follow the claim rule:
/// a cgroup claims what its subtree is known to have used since its baseline, and publishes what none of its children claims.
/// <c>Claim</c> ≥ <c>Own</c> + claims below, and <c>Own</c> never goes down, so Σ published ≤ the parent's reading at every moment.
/// </summary>
internal struct Account
{
    /// <summary>Where counting began: the reading at the baseline, 0 for an instance known to be born later and for every later generation.</summary>
    public ulong Base;

    /// <summary>The last reading of the present generation.</summary>
    public ulong Reading;

    /// <summary>Usage of earlier generations (before a controller was toggled or a counter went backwards).</summary>
    public ulong Passed;

    /// <summary>Published for this cgroup itself, since the baseline.</summary>
    public ulong Own;

    /// <summary>Claims of children that are gone.</summary>
    public ulong Dead;

    /// <summary>What this subtree is known to have used.</summary>
    public ulong Claim;

    /// <summary><see cref="Own"/> when the present generation began.</summary>
    public ulong GenerationOwn;

    /// <summary>Which life of the counter this is; 0 is the first.</summary>
    public uint Generation;

    /// <summary><see cref="Own"/> and generation as the journal has them: what is above is still to be published.</summary>
    public ulong JournalledOwn;

    public uint JournalledGeneration;

    /// <summary>Where the last stored record of <see cref="JournalledGeneration"/> ended: the next one starts there.</summary>
    public ulong PublishedEnd;

    /// <summary>False until the first reading.</summary>
    public bool Started;

    /// <summary>Usage since the baseline, over all generations: the <c>p</c> of the claim rule.</summary>
    public readonly ulong Used => Passed + (Reading > Base ? Reading - Base : 0);

    public readonly ulong Unpublished => Own - JournalledOwn;

    /// <summary>What <see cref="PublishedEnd"/> will be when the records of now are stored; baselines are stored with them.</summary>
    public readonly ulong EndOnceJournalled => Generation == JournalledGeneration ? PublishedEnd + Unpublished : Own - GenerationOwn;

    /// <summary>The first reading of an instance: where its counting begins.</summary>
    /// <param name="roundedUp">1 for a child whose baseline was rounded down by up to a microsecond: without it the growth of children could pass their parent's.</param>
    public void Start(ulong reading, bool fromZero, ulong roundedUp = 0)
    {
        Base = fromZero ? 0 : reading + roundedUp;
        PublishedEnd = Base;
        Reading = reading;
        Started = true;
    }

    /// <summary>Takes a later reading. A counter that went backwards has restarted from zero.</summary>
    public void Observe(ulong reading, SafetyRule rules)
    {
        if (reading < Reading)
        {
            if ((rules & SafetyRule.CounterResetStartsGeneration) == 0) return;
            BeginGeneration();
        }

        Reading = reading;
    }

    /// <summary>Takes a reading after one that failed: what was used in between is the parent's own by now, and counting goes on from here.</summary>
    /// <param name="roundedUp">As at <see cref="Start"/>.</param>
    public void Resume(ulong reading, SafetyRule rules, ulong roundedUp = 0)
    {
        var before = Reading;
        Observe(reading, rules);
        Base = reading >= before ? Base + (reading - before) + roundedUp : reading + roundedUp;
    }

    /// <summary>The counter restarted: what it said before is kept, from here it counts from zero.</summary>
    public void BeginGeneration()
    {
        Passed = Used;
        Base = 0;
        Reading = 0;
        Generation++;
        GenerationOwn = Own;
    }

    /// <summary>The claim rule, once this cgroup and then its children have been read.</summary>
    /// <param name="below">Dead + Σ claims of live children.</param>
    /// <param name="held">What is held back because live children may still show a microsecond that was rounded down.</param>
    public void Settle(ulong below, ulong held)
    {
        var known = below + Own + held;
        if (Used > known) Own += Used - known;
        Claim = Math.Max(Used, Own + below);
    }

    /// <summary>Claims what is known to be used, and publishes nothing yet.</summary>
    public void ClaimOnly(ulong below) => Claim = Math.Max(Used, Own + below);

    /// <summary>The instance is gone and so are its children: everything claimed is certain, what was held back is released.</summary>
    public void Release()
    {
        // Children may have been read since this cgroup was settled: what they claim is used.
        Claim = Math.Max(Claim, Own + Dead);
        Own = Claim - Dead;
    }

    /// <summary>Use of an instance that is gone, known from its parent's counter.</summary>
    public void Inherit(ulong microseconds)
    {
        Own += microseconds;
        Claim += microseconds;
    }

    /// <summary>The journal has stored everything up to here.</summary>
    public void Journalled()
    {
        PublishedEnd = EndOnceJournalled;
        JournalledOwn = Own;
        JournalledGeneration = Generation;
    }
}
