using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

// The slow families: swap, huge pages, kills, peaks, pressure, frozen time, limits, network. Most are cumulative in the kernel, so that nothing is lost by reading them rarely:
// everything at first sight, at the bounds of buckets and at the end of a cgroup. In between limits and peaks of who used CPU each minute, limits of the idle every five;
// and figures that hold those below each minute, for a whole subtree. (At the default interval.)
internal sealed partial class Meterer
{
    /// <summary>The idle are looked at every so many times that the busy are.</summary>
    private const int IdleCadence = 5;

    /// <summary>The kernel adds these up, and they are billed by buckets.</summary>
    private const uint Cumulative = (1u << (int)Fact.CpuPressure) | (1u << (int)Fact.MemoryPressure) | (1u << (int)Fact.IoPressure) | (1u << (int)Fact.Frozen);

    /// <summary>What can change while no process of the cgroup runs.</summary>
    private const uint Settings = (1u << (int)Fact.CpuLimit) | (1u << (int)Fact.Processors) | (1u << (int)Fact.MemoryLimit) | (1u << (int)Fact.MemoryMinimum) | (1u << (int)Fact.FrozenNow);

    private readonly Facts _facts = new();

    // Made once: a delegate made at each call would be allocated at each call.
    private readonly Action<CgroupNode, MeterFamily, string?> _note;

    /// <summary>Cgroups whose cpu.stat moved in this pass or since the one before; all that were read where nothing is pruned.</summary>
    private readonly List<CgroupNode> _active = [];

    /// <summary>The next pass reads everything of every cgroup: the first of a process, and after every instance became another.</summary>
    private bool _slowAll = true;

    private void VisitSlow()
    {
        if (_slowAll || _closing || _options.SlowEvery == 1)
        {
            _slowAll = false;
            VisitAll(Root);
            return;
        }

        if (HasFigures(Root)) VisitTop(Root);
        else foreach (var top in Root.Children) VisitTop(top);
        foreach (var node in _active) VisitActive(node);
        if (_pass % (IdleCadence * _options.SlowEvery) == 0) VisitIdle(Root);
        else if (_network is not null && _pass % _options.SlowEvery == 0) VisitNamespaces(Root);
    }

    // Children first: a parent's own is what they do not claim.
    private void VisitAll(CgroupNode node)
    {
        if (HasFigures(node))
        {
            if (node.Slow is { } state) state.Missing = 0;
            ReadSlow(node, Facts.All, readNetwork: true);
        }

        foreach (var child in node.Children) VisitAll(child);
        if (node.Slow is not null) SettleSlow(node);
    }

    // What a parent's figure holds of its children's, in one pass for a whole subtree, so that parent and children are cut at the same instant.
    private void VisitTop(CgroupNode top)
    {
        if (!IsDue(top)) return;
        if (top.Slow is { } state) state.Missing &= ~Facts.Conserved;
        VisitHolding(top);
    }

    private void VisitHolding(CgroupNode node)
    {
        var first = node.Slow is not { LastPass: > 0 };
        ReadSlow(node, first ? Facts.All : Facts.Conserved, readNetwork: first);
        if (HoldsSomething(node.Slow!) is not 0 and var held)
        {
            foreach (var child in node.Children)
            {
                if (child.Slow is { } below && _options.Prune) below.Missing &= ~held;
                VisitHolding(child);
            }
        }

        SettleSlow(node);
    }

    // Of which figures something may be below. A controller that a cgroup does not have is in none below it; where there is no swap or huge page, and no new kill, is none below.
    private uint HoldsSomething(SlowState state)
    {
        if (!_source.IsHierarchical) return Facts.Conserved;
        uint held = 0;
        if (!IsZero(state, Fact.Swap, SlowMeter.SwapLevel)) held |= 1u << (int)Fact.Swap;
        if (!IsZero(state, Fact.HugePages, SlowMeter.HugePagesLevel)) held |= 1u << (int)Fact.HugePages;
        if (!state.IsMissing(Fact.OomKills) && (!_options.Prune || !state.Has(Fact.OomKills) || state.OomMoved || _source.EventsAreLocal)) held |= 1u << (int)Fact.OomKills;
        return held;
    }

    private bool IsZero(SlowState state, Fact fact, int level) => state.IsMissing(fact) || (_options.Prune && state.Has(fact) && state.Levels[level].Value == 0);

    private void VisitActive(CgroupNode node)
    {
        // Most are not due, and of those no more is touched than this: a line of memory that is not in the cache costs as much as a tenth of a reading.
        var soon = IsDue(node);
        if (!soon && node.IsKnownSlow && _network is null) return;
        if (node.Gone || !HasFigures(node)) return;
        if (node.Slow is not { LastPass: > 0 })
        {
            ReadSlow(node, Facts.All, readNetwork: true);
            SettleSlow(node);
            return;
        }

        var wanted = soon ? Facts.All & ~(Facts.Conserved | Cumulative) : 0;
        var network = _network is not null && (soon || node.Slow.Network is not { Quiet: true });
        if (wanted == 0 && !network) return;
        ReadSlow(node, wanted, network);
        SettleSlow(node);
    }

    private void VisitIdle(CgroupNode node)
    {
        if (!IsActive(node) && HasFigures(node))
        {
            ReadSlow(node, node.Slow is { LastPass: > 0 } ? Settings : Facts.All, readNetwork: true);
            SettleSlow(node);
        }

        foreach (var child in node.Children) VisitIdle(child);
    }

    // What is sent to a namespace wakes nobody that would tell, and nothing of it is left when its last process has gone.
    private void VisitNamespaces(CgroupNode node)
    {
        if (!IsActive(node) && node.Slow is { LastPass: > 0, Network.Interfaces: not null })
        {
            ReadSlow(node, wanted: 0, readNetwork: true);
            SettleSlow(node);
        }

        foreach (var child in node.Children) VisitNamespaces(child);
    }

    // Spread over the passes by the inode, so that no pass does the work of all.
    private bool IsDue(CgroupNode node) => ((uint)_pass + (uint)(node.Inode & 0xFFFF)) % (uint)_options.SlowEvery == 0;

    // Its cpu.stat moved in this pass, or since the one before.
    private bool IsActive(CgroupNode node) => node.Active && node.LookedAt == _pass;

    private void LookedAt(CgroupNode node, bool moved)
    {
        if (node.LookedAt != _pass)
        {
            (node.LookedAt, node.Active) = (_pass, false);
            if (!_options.Prune) _active.Add(node);
        }

        if (!moved || node.Active) return;
        node.Active = true;
        if (_options.Prune) _active.Add(node);
    }

    private void ReadSlow(CgroupNode node, uint wanted, bool readNetwork)
    {
        var state = node.Slow ??= NewSlow();
        var first = state.LastPass == 0;
        (state.LastPass, node.IsKnownSlow) = (_pass, true);
        var changed = first;

        // While cpu.stat stands still no task of the cgroup can have raised its peak.
        if (_options.Prune && !first && node.Cpu.Reading == state.CpuAtReading) wanted &= ~(1u << (int)Fact.MemoryPeak);
        if ((wanted & (1u << (int)Fact.MemoryPeak)) != 0) state.CpuAtReading = node.Cpu.Reading;
        if ((wanted & (1u << (int)Fact.OomKills)) != 0) state.OomMoved = false;
        if (wanted != 0)
        {
            _facts.Begin(wanted);
            _source.ReadSlow(node, state, _facts);
            state.BestEffort = (state.BestEffort & ~wanted) | _facts.BestEffort;
            state.Known = (state.Known & ~wanted) | _facts.Known;
            changed |= Apply(node, state, wanted);

            // That time went by is no news: an idle cgroup costs a record when a bucket closes, not in each minute.
            if (node.Parent is not null && (changed || IsActive(node) || _closing)) changed |= Age(state);
            _source.Annotate(node, state, _note);
        }

        if (readNetwork && _network is not null) changed |= ReadNetwork(node, state);
        if (wanted != 0) NoteBypassedIo(node, state);
        if (changed) Touch(node);
    }

    private bool Apply(CgroupNode node, SlowState state, uint wanted)
    {
        var changed = false;
        for (var i = 0; i < SlowMeter.All.Length; i++)
        {
            var meter = SlowMeter.All[i];
            if (meter.Fact is not { } fact) continue;
            if (_facts.IsRebased(fact) && _facts.Has(fact)) state.Tallies[i].Rebase(_facts[fact]);
            if ((wanted & (1u << (int)fact)) == 0) continue;
            if (!_facts.Has(fact))
            {
                if (meter.Level >= 0) state.Levels[meter.Level].Known = false;
                continue;
            }

            ref var tally = ref state.Tallies[i];
            var grown = meter.Level >= 0 ? tally.Add(Rise(node, ref state.Levels[meter.Level], meter.Level, _facts[fact])) : tally.Observe(_facts[fact], node.FromZero, _facts.HasRestarted(fact));
            if (i == SlowMeter.OomKills) state.OomMoved = grown;
            changed |= grown;
        }

        if (_facts.Has(Fact.FrozenNow)) changed |= state.Tallies[SlowMeter.Frozen].Add(state.Levels[SlowMeter.FrozenLevel].Hold(_facts[Fact.FrozenNow], _clock));
        if (_facts.Has(Fact.Throttled) && _facts.IsRebased(Fact.Throttled)) state.Tallies[SlowMeter.Throttled].Rebase(_facts[Fact.Throttled]);
        if (_facts.Has(Fact.Throttled)) changed |= state.Tallies[SlowMeter.Throttled].Observe(_facts[Fact.Throttled], node.FromZero, restarted: false);
        if (_facts.Has(Fact.MemoryPeak) && node.Memory is { } memory)
        {
            changed |= _facts[Fact.MemoryPeak] > memory.PeakBytes;
            memory.PeakBytes = Math.Max(memory.PeakBytes, _facts[Fact.MemoryPeak]);
            memory.PeakIsKernels = (_facts.BestEffort & (1u << (int)Fact.MemoryPeak)) == 0;
        }

        if ((wanted & (1u << (int)Fact.CpuLimit)) != 0) (state.CpuLimit, state.MemoryLimit) = Limits(node);
        return changed;
    }

    // A cgroup is not read while one above it shows none: it was then at zero for as long.
    private ulong Rise(CgroupNode node, ref Level level, int index, ulong value)
    {
        if (level is { Known: true, Value: 0 } && _source.IsHierarchical)
        {
            for (var above = node.Parent; above is not null; above = above.Parent)
            {
                if (above.Slow is { } state) level.AtMicroseconds = Math.Max(level.AtMicroseconds, state.Levels[index].ZeroAtMicroseconds);
            }
        }

        return level.Rise(value, _clock);
    }

    // From the clock since boot, which no setting of the wall clock moves.
    private bool Age(SlowState state)
    {
        var since = state.AliveAtMicroseconds;
        state.AliveAtMicroseconds = Math.Max(since, _clock);
        return state.Tallies[SlowMeter.Lifetime].Add(since == 0 || _clock <= since ? 0 : (ulong)(_clock - since));
    }

    private void SettleSlow(CgroupNode node)
    {
        var state = node.Slow!;
        SettleReservation(node, state);
        for (var i = 0; i < state.Tallies.Length; i++)
        {
            ref var tally = ref state.Tallies[i];
            if (!SlowMeter.All[i].Conserved)
            {
                tally.SettleAlone();
                continue;
            }

            // Joined v1 groups leave out what is below them; local events never held it.
            var alone = state.IsBestEffort((Fact)SlowMeter.All[i].Fact!) || (i == SlowMeter.OomKills && _source.EventsAreLocal);
            ulong below = 0;
            foreach (var child in node.Children) below += child.Slow is { } slow && !alone ? slow.Tallies[i].Claim : 0;
            var own = tally.Own;
            if (alone) tally.SettleAlone();
            else tally.Settle(below);
            if (tally.Own != own) Touch(node);
        }
    }

    // The cgroup's lifetime ends here, what no child claimed is its own; what it claims stays in its parent's figure.
    private void EndSlow(CgroupNode node)
    {
        _network?.Forget(node);
        if (node.Slow is not { } state) return;

        // Before the first pass only a reboot ends cgroups, and the clock since boot is then another one.
        if (_clock > 0 && state.AliveAtMicroseconds > 0)
        {
            Age(state);
            SettleReservation(node, state);
        }

        for (var i = 0; i < state.Tallies.Length; i++)
        {
            ref var tally = ref state.Tallies[i];
            if (!SlowMeter.All[i].Conserved) tally.SettleAlone();
            else if (_options.Has(Safety.SafetyRule.ReleaseHeldAtDeath)) tally.Release();
            var joined = SlowMeter.All[i].Fact is { } fact && state.IsBestEffort(fact);
            if (SlowMeter.All[i].Conserved && !joined && node.Parent?.Slow is { } above && _options.Has(Safety.SafetyRule.DeadClaimGoesToParent)) above.Tallies[i].Dead += tally.Claim;
        }
    }

    // Before Linux 6.18 no frozen time is counted: the state is integrated, from the moment that the kernel tells of.
    private void NoteFrozen(CgroupNode node, ReadOnlySpan<byte> cgroupEvents)
    {
        if (node.Slow is not { } state || !state.Has(Fact.FrozenNow) || state.Has(Fact.Frozen) || !SlowParser.TryFrozenNow(cgroupEvents, out var frozen)) return;
        ref var tally = ref state.Tallies[SlowMeter.Frozen];
        if (tally.Add(state.Levels[SlowMeter.FrozenLevel].Hold(frozen, _clock))) Touch(node);
        tally.SettleAlone();
    }

    // With cpu.stat, from the bytes that were read for usage_usec.
    private void ReadThrottled(CgroupNode node, ReadOnlySpan<byte> cpuStat)
    {
        if (!_options.Slow || node.Parent is null || !StatParser.TryThrottled(cpuStat, out var microseconds)) return;
        ref var tally = ref (node.Slow ??= NewSlow()).Tallies[SlowMeter.Throttled];
        if (tally.Observe(microseconds, node.FromZero, restarted: false)) Touch(node);
        tally.SettleAlone();
    }

    // Why a family is not, or not wholly, metered here although the host has it; travels as a label of the workload.
    private void Note(CgroupNode node, MeterFamily family, string? reason)
    {
        if (node.Notes?[(int)family] == reason) return;
        if (family == MeterFamily.Io) CountPartial(node.Notes?[(int)family], reason);
        (node.Notes ??= NewNotes())[(int)family] = reason;
        node.RecordPrefix = null;
        Touch(node);
    }
}
