using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

// The slow families: swap, huge pages, kills, peaks, pressure, frozen time, limits, network. Each cgroup is read once a minute at the default interval, at first sight,
// at the bounds of buckets and when it ends; most are cumulative in the kernel, so that nothing is lost by reading them rarely.
internal sealed partial class Meterer
{
    private readonly Facts _facts = new();

    // Made once: a delegate made at each call would be allocated at each call.
    private readonly Action<CgroupNode, MeterFamily, string?> _note;

    // treeDue: this pass reads what a parent's figure holds of its children's. It is one for a whole subtree, so that parent and children are cut at the same instant.
    private void VisitSlow(CgroupNode node, bool treeDue)
    {
        var due = SlowDue(node);
        if (node.Parent is null ? HasFigures(node) : node.Parent.Parent is null && !HasFigures(node.Parent)) treeDue = due;
        if (HasFigures(node))
        {
            var first = node.Slow is not { LastPass: > 0 };
            var wanted = first ? Facts.All : (due ? Facts.All & ~Facts.Conserved : 0) | (treeDue ? Facts.Conserved : 0);
            if (wanted != 0 || (node.Active && _network is not null)) ReadSlow(node, wanted, readNetwork: due || first || node.Active);
        }

        foreach (var child in node.Children) VisitSlow(child, treeDue);
        if (node.Slow is { } state && (state.LastPass == _pass || treeDue)) SettleSlow(node);
    }

    private bool SlowDue(CgroupNode node) => !_options.Prune || _closing || (_pass + (long)(node.Inode % SlowEvery)) % SlowEvery == 0;

    private void ReadSlow(CgroupNode node, uint wanted, bool readNetwork)
    {
        var state = node.Slow ??= new SlowState();
        var first = state.LastPass == 0;
        state.LastPass = _pass;
        var changed = first;
        if (wanted != 0)
        {
            if ((wanted & Facts.Conserved) != 0) (state.ConservedPass, state.OomMoved) = (_pass, false);
            wanted = Prune(node, state, wanted, first);
            _facts.Begin(wanted);
            _source.ReadSlow(node, state, _facts);
            state.BestEffort = (state.BestEffort & ~wanted) | _facts.BestEffort;
            state.Known = (state.Known & ~wanted) | _facts.Known;
            changed |= Apply(node, state, wanted);

            // That time went by is no news: an idle cgroup costs a record when a bucket closes, not in each minute.
            if (node.Parent is not null && (changed || node.Active || _closing)) changed |= Age(state);
            _source.Annotate(node, state, _note);
        }

        if (readNetwork && _network is not null) changed |= ReadNetwork(node, state);
        if (wanted != 0) NoteBypassedIo(node, state);
        if (changed) Touch(node);
    }

    // What the kernel proves needs no reading: below a parent without swap or huge pages there are none, below one without a new kill was none,
    // and a cgroup whose cpu.stat stands still had no task that could raise its peak.
    private uint Prune(CgroupNode node, SlowState state, uint wanted, bool first)
    {
        if (!_options.Prune || first) return wanted;
        if (node.Cpu.Reading == state.CpuAtReading) wanted &= ~(1u << (int)Fact.MemoryPeak);
        state.CpuAtReading = node.Cpu.Reading;
        if ((wanted & Facts.Conserved) == 0 || node.Parent?.Slow is not { } above || above.ConservedPass != _pass) return wanted;
        if (above.Has(Fact.OomKills) && !above.OomMoved && !_source.EventsAreLocal && !above.IsBestEffort(Fact.OomKills)) wanted &= ~(1u << (int)Fact.OomKills);
        return ProveZero(state, above, SlowMeter.Swap, ProveZero(state, above, SlowMeter.HugePages, wanted));
    }

    private uint ProveZero(SlowState state, SlowState above, int meter, uint wanted)
    {
        var fact = (Fact)SlowMeter.All[meter].Fact!;
        var level = SlowMeter.All[meter].Level;
        if ((wanted & (1u << (int)fact)) == 0 || !above.Has(fact) || above.IsBestEffort(fact) || above.Levels[level] is not { Known: true, Value: 0 } || !state.Levels[level].Known) return wanted;
        state.Tallies[meter].Add(state.Levels[level].Rise(0, _clock));
        return wanted & ~(1u << (int)fact);
    }

    private bool Apply(CgroupNode node, SlowState state, uint wanted)
    {
        var changed = false;
        for (var i = 0; i < SlowMeter.All.Length; i++)
        {
            var meter = SlowMeter.All[i];
            if (meter.Fact is not { } fact || (wanted & (1u << (int)fact)) == 0) continue;
            if (!_facts.Has(fact))
            {
                if (meter.Level >= 0) state.Levels[meter.Level].Known = false;
                continue;
            }

            ref var tally = ref state.Tallies[i];
            if (_facts.IsRebased(fact)) tally.Rebase(_facts[fact]);
            var grown = meter.Level >= 0 ? tally.Add(state.Levels[meter.Level].Rise(_facts[fact], _clock)) : tally.Observe(_facts[fact], node.FromZero, _facts.HasRestarted(fact));
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

    // With cpu.stat, from the bytes that were read for usage_usec.
    private void ReadThrottled(CgroupNode node, ReadOnlySpan<byte> cpuStat)
    {
        if (!_options.Slow || node.Parent is null || !StatParser.TryThrottled(cpuStat, out var microseconds)) return;
        ref var tally = ref (node.Slow ??= new SlowState()).Tallies[SlowMeter.Throttled];
        if (tally.Observe(microseconds, node.FromZero, restarted: false)) Touch(node);
        tally.SettleAlone();
    }

    // Why a family is not, or not wholly, metered here although the host has it; travels as a label of the workload.
    private void Note(CgroupNode node, MeterFamily family, string? reason)
    {
        if (node.Notes?[(int)family] == reason) return;
        if (family == MeterFamily.Io) CountPartial(node.Notes?[(int)family], reason);
        (node.Notes ??= new string?[Enum.GetValues<MeterFamily>().Length])[(int)family] = reason;
        node.RecordPrefix = null;
        Touch(node);
    }
}
