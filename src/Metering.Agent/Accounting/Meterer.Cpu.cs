using Metering.Agent.Cgroups;
using Metering.Safety;

namespace Metering.Agent.Accounting;

// The CPU walk: parent, then at once its children, then the parent again. It is also where deaths are found, since only cpu.stat tells death for certain.
internal sealed partial class Meterer
{
    /// <summary>A reading with a death is made again, when the parent moved meanwhile, up to so many times.</summary>
    private const int MaxTries = 3;

    /// <summary>With more children than this a reading is not made again: it would hardly be quieter, and it costs.</summary>
    private const int MaxChildrenToTryAgain = 256;

    private enum Reading
    {
        Known,
        Unknown,
        Gone,
    }

    private void VisitCpu(CgroupNode node)
    {
        if (!Look(node)) return;

        // After the parent's reading and before it is settled: a child that was born before that reading is then known, and its use is not taken for the parent's own.
        if (node.IsWalked) _tree.DrainEvents(this);
        Descend(node);
    }

    // Reads the cgroup itself. False when it is gone or unknown; the root is never gone.
    private bool Look(CgroupNode node)
    {
        var known = TryReadCpu(node, out var reading);
        if (node.Gone) return false;
        if (!known && node.Parent is not null)
        {
            if (!node.Missed) Touch(node);
            node.Missed = true;
            return false;
        }

        var moved = Observe(node, known ? reading : node.Cpu.Reading);
        LookedAt(node, moved);
        node.ReadAt = _clock;
        return true;
    }

    // What lies below a cgroup that was just read, and its settlement. Events were drained since that reading.
    private void Descend(CgroupNode node)
    {
        if (!node.IsWalked)
        {
            if (node.EventsWatch == NotAsked) WatchEnd(node);
            if (node.Active) node.Cpu.Settle(node.Cpu.Dead, 0);
            return;
        }

        if (node.Refused && node.NamesBucket != _now / BucketBoundMicroseconds) node.NeedsListing = true;

        // The machine's root speaks through /proc/stat, in ticks of 10 ms: it proves nothing about what is below it.
        if (!node.Active && !node.Attention && !node.NeedsListing && node.Watch >= 0 && node.Dying is not { Count: > 0 } && _options.Prune && !IsMachine(node)) return;
        node.Attention = false;
        FindChildren(node);
        if (node.Children.Count > 0 || node.Dying is { Count: > 0 })
        {
            ReadBelow(node);
            return;
        }

        if (node.EventsWatch == NotAsked) WatchEnd(node);
        var (own, claim) = (node.Cpu.Own, node.Cpu.Claim);
        node.Cpu.Settle(node.Cpu.Dead, 0);
        if (node.Cpu.Own != own) (node.Vacant, node.Emptied) = (false, false);
        if (node.Cpu.Own != own || node.Cpu.Claim != claim) Touch(node);
        node.Sure = node.Watch >= 0 && !node.NeedsListing;
        node.Clean = node.Sure && !node.Refused;
    }

    private bool IsMachine(CgroupNode node) => node.Parent is null && _tree.RootIsMachine;

    // True when the counter moved. The first pass of an epoch is a baseline; an instance that a complete enumeration proves to be younger counts from zero.
    private bool Observe(CgroupNode node, ulong reading)
    {
        ref var account = ref node.Cpu;
        if (!account.Started)
        {
            account.Start(reading, node.FromZero && !node.Missed, roundedUp: reading > 0 && HasConservedParent(node) ? 1UL : 0);
            node.Missed = false;
            Touch(node);
            return true;
        }

        if (node.Missed)
        {
            node.Missed = false;
            account.Resume(reading, _options.Rules, HasConservedParent(node) ? 1UL : 0);
            Touch(node);
            return true;
        }

        if (account.Reading == reading) return false;
        if (reading < account.Reading) Counters.CounterResets++;
        account.Observe(reading, _options.Rules);
        Touch(node);
        return true;
    }

    // The machine's root is read from /proc/stat, in ticks; it conserves nothing to the microsecond.
    private bool HasConservedParent(CgroupNode node) => node.Parent is { } parent && !IsMachine(parent);

    private bool TryReadCpu(CgroupNode node, out ulong microseconds)
    {
        var reading = ReadCpu(node, out microseconds);
        if (reading == Reading.Gone)
        {
            Foretell(node);
            Die(node);
        }

        return reading == Reading.Known;
    }

    private Reading ReadCpu(CgroupNode node, out ulong microseconds)
    {
        microseconds = 0;
        if (IsMachine(node)) return _tree.TryReadBusy(out microseconds) ? Reading.Known : Reading.Unknown;

        Counters.FilesRead++;
        var handle = node.CpuHandle;
        var passing = false;
        if (handle < 0)
        {
            handle = _tree.OpenInstance(node.Path, out var inode);
            if (handle >= 0 && inode != node.Inode && node.Parent is not null)
            {
                _tree.Close(handle);
                handle = -Posix.ENODEV;
            }

            if (handle is -Posix.ENOENT or -Posix.ENODEV && !TreeIsGone()) return Reading.Gone;
            if (handle < 0)
            {
                Failed(handle);
                return Reading.Unknown;
            }

            passing = !Keep(node, handle);
        }

        var length = _tree.Read(handle, _buffer);
        if (passing) _tree.Close(handle);
        if (length > 0 && _tree.CpuIsNanoseconds && StatParser.TryNumber(_buffer.AsSpan(0, length), out microseconds))
        {
            microseconds /= 1000;
            return Reading.Known;
        }

        if (length > 0 && !_tree.CpuIsNanoseconds && StatParser.TryUsage(_buffer.AsSpan(0, length), out microseconds))
        {
            ReadThrottled(node, _buffer.AsSpan(0, length));
            return Reading.Known;
        }

        if (length == -Posix.ENODEV) return Reading.Gone;
        if (length < 0) Failed(length);
        else Counters.Malformed++;
        return Reading.Unknown;
    }

    private bool Keep(CgroupNode node, int handle)
    {
        if (_keptCpu >= _options.KeptCpuDescriptors) return false;
        _keptCpu++;
        node.CpuHandle = handle;
        return true;
    }

    // The siblings without children are read one right after the other, then the events are drained once for all of them: a drain costs as much as half a reading.
    private (ulong Below, ulong Held) VisitChildren(CgroupNode node)
    {
        var children = node.Children;
        var drain = false;
        for (var i = 0; i < children.Count; i++)
        {
            var child = children[i];
            if (child.Gone) continue;
            child.InLevel = !child.IsWalked || (child.Children.Count == 0 && !child.NeedsListing && child.Watch >= 0);
            if (!child.InLevel) VisitCpu(child);
            else if (!Look(child)) child.InLevel = false;
            else drain |= child.IsWalked && (child.Active || !_options.Prune);
        }

        if (drain) _tree.DrainEvents(this);
        ulong claims = 0, held = 0;
        var kept = 0;
        for (var i = 0; i < children.Count; i++)
        {
            var child = children[i];
            if (child.InLevel)
            {
                child.InLevel = false;
                Descend(child);
            }

            if (child.Gone)
            {
                child.Detached = true;
                continue;
            }

            if (kept < i) children[kept] = child;
            kept++;
            claims += child.Cpu.Claim;

            // Also for a child that shows 0: it may have used 999 ns, which its parent's figure holds and its own does not.
            held++;
        }

        if (kept < children.Count) children.RemoveRange(kept, children.Count - kept);
        return (node.Cpu.Dead + claims, IsMachine(node) ? 0 : held);
    }

    private void ReadBelow(CgroupNode node)
    {
        for (var tries = 1; ; tries++)
        {
            var before = node.Cpu.Reading;
            var (below, held) = VisitChildren(node);
            var last = ReadCpu(node, out var after);
            var quiet = last == Reading.Known && after == before;
            if (!quiet && last == Reading.Known && node.Dying is { Count: > 0 } && tries < MaxTries && node.Children.Count <= MaxChildrenToTryAgain && !IsMachine(node))
            {
                LookedAt(node, Observe(node, after));
                _tree.DrainEvents(this);
                FindChildren(node);
                continue;
            }

            SettleCpu(node, (below, held), before, last == Reading.Known ? after : null, quiet);
            if (last != Reading.Gone || node.Parent is null) return;
            Foretell(node);
            Die(node);
            return;
        }
    }

    private void SettleCpu(CgroupNode node, (ulong Below, ulong Held) children, ulong before, ulong? last, bool quiet)
    {
        ref var account = ref node.Cpu;
        var (below, held) = children;
        if (!_options.Has(SafetyRule.HoldBackOneMicrosecondPerLiveChild)) held = 0;
        if (!_options.Has(SafetyRule.ParentReadBeforeChildren) && last is { } late) account.Observe(late, _options.Rules);
        var (own, claim, used) = (account.Own, account.Claim, account.Used);
        if (!TrySettleDead(node, ref below, held, quiet))
        {
            account.ClaimOnly(below);
            if (account.Claim != claim) Touch(node);
            return;
        }

        account.Settle(below, held);
        if (account.Own != own || account.Claim != claim) Touch(node);
        node.Sure = node.Watch >= 0 && !node.NeedsListing;
        if (node.Children.Count == 0 || IsMachine(node) || last is not { } second || second < before) return;

        // The sandwich: what is published lies between the two readings. A baseline was rounded up by a microsecond, which its children may have used.
        var after = used + (second - before) + (node.FromZero || !HasConservedParent(node) ? 0UL : 1);
        var published = account.Own + below;
        if (published + held < used || published > after) Counters.SandwichFailures++;
        if (_following) return;
        var heldChanged = node.SandwichPass >= 0 && node.SandwichHeld != held;
        node.SandwichPass = _pass;
        (node.SandwichBefore, node.SandwichAfter, node.SandwichBelow, node.SandwichHeld) = (used, after, below, held);
        if (node.Active || heldChanged || !_options.Prune) _sandwiches.Add(node);
    }

    // Children first: their claims are then in the parent's dead. What a live child held back is certain once it is gone.
    private void Die(CgroupNode node)
    {
        if (node.Gone) return;

        // It may have been filled again after it was read empty, and that is told before its end is.
        if (node.Complete) _tree.DrainEvents(this);
        node.Gone = true;
        foreach (var child in node.Children)
        {
            Die(child);
            child.Detached = true;
        }

        node.Children.Clear();
        Counters.Deaths++;
        CountPartial(node.Notes?[(int)Meters.MeterFamily.Io], null);
        var release = _options.Has(SafetyRule.ReleaseHeldAtDeath);
        if (release) node.Cpu.Release();
        if (node.Memory is { } memory && release) memory.Account.Release();
        for (var i = 0; node.Io is { } io && release && i < io.Accounts.Length; i++) io.Accounts[i].Release();
        EndSlow(node);
        if (node.Parent is { } parent)
        {
            if (_options.Has(SafetyRule.DeadClaimGoesToParent)) Bury(node, parent);
            if (!parent.Gone && HasConservedParent(node)) (parent.Dying ??= []).Add(node);
            if (_following && !parent.Gone)
            {
                Queue(parent);
                Raise(parent);
            }
        }

        if (node.CpuHandle >= 0) CloseCpu(node);
        _source.Forget(node);
        node.CpuHandle = -1;
        if (node.Watch >= 0 && _watches.Remove(node.Watch)) _tree.Unwatch(node.Watch);
        UnwatchEnd(node);
        _nodes.Remove(node.Inode);
        if (_byPath.TryGetValue(node.Path, out var here) && here == node) _byPath.Remove(node.Path);
        _ended.Add(node);
    }

    private void Bury(CgroupNode node, CgroupNode parent)
    {
        parent.Cpu.Dead += node.Cpu.Claim;
        if (_source.IsHierarchical)
        {
            // Between passes a child may be read and gone before its parent's other files were read at all.
            if (HasConservedParent(node))
            {
                if (node.Memory is not null) parent.Memory ??= NewMemory();
                if (node.Io is not null) parent.Io ??= NewIo();
            }

            if (node.Memory is { } memory && parent.Memory is { } above) above.Account.Dead += memory.Account.Claim;
            for (var i = 0; node.Io is { } io && parent.Io is { } aboveIo && i < io.Accounts.Length; i++) aboveIo.Accounts[i].Dead += io.Accounts[i].Claim;
        }

        Touch(parent);
    }
}
