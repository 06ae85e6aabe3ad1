using Metering.Agent.Cgroups;
using Metering.Safety;

namespace Metering.Agent.Accounting;

// The CPU walk: parent, then at once its children, then the parent again. It is also where births and deaths are found, since only cpu.stat tells death for certain.
internal sealed partial class Meterer
{
    private void VisitCpu(CgroupNode node)
    {
        if (!TryReadCpu(node, out var reading))
        {
            if (node.Gone) return;
            node.Active = false;
            if (node.Parent is not null) return;
            reading = node.Cpu.Reading;
        }

        node.Active = Observe(node, reading);

        // After the parent's reading and before it is settled: a child that was born before that reading is then known, and its use is not taken for the parent's own.
        if (node.IsWalked) _tree.DrainEvents(this);
        if (node.Refused && node.NamesBucket != _now / BucketBoundMicroseconds) node.NeedsListing = true;
        // The machine's root speaks through /proc/stat, in ticks of 10 ms: it proves nothing about what is below it.
        var unproved = node.Parent is null && _tree.RootIsMachine;
        if (node.IsWalked && (node.Active || node.Attention || node.NeedsListing || node.Watch < 0 || !_options.Prune || unproved))
        {
            node.Attention = false;
            FindChildren(node);
            var (below, held) = VisitChildren(node);
            SettleCpu(node, below, held, reading);
        }
        else if (node.Active)
        {
            node.Cpu.Settle(node.Cpu.Dead, 0);
        }
    }

    // True when the counter moved. The first pass of an epoch is a baseline; an instance that a complete enumeration proves to be younger counts from zero.
    private bool Observe(CgroupNode node, ulong reading)
    {
        ref var account = ref node.Cpu;
        if (!account.Started)
        {
            account.Start(reading, node.FromZero, roundedUp: reading > 0 && HasConservedParent(node) ? 1UL : 0);
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
    private bool HasConservedParent(CgroupNode node) => node.Parent is { } parent && (parent.Parent is not null || !_tree.RootIsMachine);

    private bool CountsFromZero(CgroupNode node)
    {
        if (_everythingIsNew) return !_options.Has(SafetyRule.FirstPassIsBaseline);
        return _options.Has(SafetyRule.NewbornBilledFromZero) && node.BornLater;
    }

    private bool TryReadCpu(CgroupNode node, out ulong microseconds)
    {
        microseconds = 0;
        if (node.Parent is null && _tree.RootIsMachine) return _tree.TryReadBusy(out microseconds);

        Counters.FilesRead++;
        var handle = node.CpuHandle;
        var passing = handle < 0;
        if (passing)
        {
            handle = _tree.OpenInstance(node.Path, out var inode);
            if (handle >= 0 && inode != node.Inode && node.Parent is not null)
            {
                _tree.Close(handle);
                handle = -Posix.ENODEV;
            }

            if (handle < 0)
            {
                if (handle is -Posix.ENOENT or -Posix.ENODEV) Die(node);
                else Counters.ReadErrors++;
                return false;
            }

            passing = !Keep(node, handle);
        }

        var length = _tree.Read(handle, _buffer);
        if (passing) _tree.Close(handle);
        if (length > 0 && _tree.CpuIsNanoseconds && StatParser.TryNumber(_buffer.AsSpan(0, length), out microseconds))
        {
            microseconds /= 1000;
            return true;
        }

        if (length > 0 && !_tree.CpuIsNanoseconds && StatParser.TryUsage(_buffer.AsSpan(0, length), out microseconds))
        {
            ReadThrottled(node, _buffer.AsSpan(0, length));
            return true;
        }

        if (length == -Posix.ENODEV) Die(node);
        else if (length < 0) Counters.ReadErrors++;
        else Counters.Malformed++;
        return false;
    }

    private static bool Keep(CgroupNode node, int handle)
    {
        node.CpuHandle = handle;
        return true;
    }

    private void FindChildren(CgroupNode node)
    {
        if (node.Watch < 0)
        {
            // Watching before listing: what is born in between is then told twice, never missed.
            node.Watch = _tree.Watch(node.Path);
            if (node.Watch >= 0 && IsStillAt(node)) _watches[node.Watch] = node;
            else node.Watch = -1;
            if (node.Watch < 0) Counters.UnwatchedDirectories++;
            node.NeedsListing = true;
        }

        if (node.NeedsListing)
        {
            _entries.Clear();
            if (_tree.List(node.Path, _entries) && IsStillAt(node))
            {
                (node.NeedsListing, node.Refused) = (false, false);
                foreach (var entry in _entries) Meet(node, entry.Name, entry.Inode);
                if (node.Enumerated == node.Refused) Touch(node);
                node.Enumerated = !node.Refused;
            }
        }

        if (node.Births is not { Count: > 0 } births) return;
        foreach (var name in births) Meet(node, name, inode: null);
        births.Clear();
    }

    // A path may have been made again by another instance, and what lies below it is then that one's. An instance never comes back, so a check afterwards tells of before.
    private bool IsStillAt(CgroupNode node) => node.Parent is null || _tree.InodeAt(node.Path) == node.Inode;

    // A name under a parent: a known instance, or a new one. The inode comes from the opened directory, since the path may have been made again since it was listed.
    private void Meet(CgroupNode parent, string name, ulong? inode)
    {
        if (inode is { } listed && _nodes.ContainsKey(listed)) return;
        var path = Join(parent.Path, name);
        var handle = _tree.OpenInstance(path, out var actual);
        if (handle < 0 && handle is not (-Posix.EACCES or -Posix.EMFILE or -Posix.ENFILE)) return;
        var noDescriptor = handle is -Posix.EMFILE or -Posix.ENFILE;
        if (!noDescriptor && (_nodes.ContainsKey(actual) || actual == 0 || !IsStillAt(parent)))
        {
            if (handle >= 0) _tree.Close(handle);
            return;
        }

        if (noDescriptor || !MayName(parent))
        {
            // Its use is the parent's own until it is met again, and then it counts from there: the enumeration proves nothing about it.
            if (handle >= 0) _tree.Close(handle);
            if (parent.Enumerated) Touch(parent);
            (parent.Enumerated, parent.Refused) = (false, true);
            return;
        }

        // Younger than the last complete enumeration of its parent, or below a cgroup that is.
        var node = Adopt(new CgroupNode(actual, path, parent, _recognise(path)) { BornLater = parent.Enumerated || parent.BornLater });
        node.FromZero = CountsFromZero(node);
        if (handle >= 0) Keep(node, handle);
        else Counters.ReadErrors++;
        parent.Children.Add(node);
        Counters.Births++;
        Touch(node);
    }

    private bool MayName(CgroupNode parent)
    {
        var bucket = _now / BucketBoundMicroseconds;
        if (parent.NamesBucket != bucket) (parent.NamesBucket, parent.Names) = (bucket, 0);
        if (parent.Names++ < _options.MaxWorkloadsPerParent) return true;
        Counters.NamesOverBound++;
        return false;
    }

    private (ulong Below, ulong Held) VisitChildren(CgroupNode node)
    {
        var children = node.Children;
        ulong claims = 0, held = 0;
        var kept = 0;
        for (var i = 0; i < children.Count; i++)
        {
            var child = children[i];
            VisitCpu(child);
            if (child.Gone) continue;

            children[kept++] = child;
            claims += child.Cpu.Claim;

            // Also for a child that shows 0: it may have used 999 ns, which its parent's figure holds and its own does not.
            held++;
        }

        if (kept < children.Count) children.RemoveRange(kept, children.Count - kept);
        return (node.Cpu.Dead + claims, node.Parent is null && _tree.RootIsMachine ? 0 : held);
    }

    private void SettleCpu(CgroupNode node, ulong below, ulong held, ulong before)
    {
        ref var account = ref node.Cpu;
        if (!_options.Has(SafetyRule.HoldBackOneMicrosecondPerLiveChild)) held = 0;
        if (!_options.Has(SafetyRule.ParentReadBeforeChildren) && TryReadCpu(node, out var late)) account.Observe(late, _options.Rules);
        var (own, claim, used) = (account.Own, account.Claim, account.Used);
        account.Settle(below, held);
        if (account.Own != own || account.Claim != claim) Touch(node);
        if (node.Children.Count == 0 || (node.Parent is null && _tree.RootIsMachine)) return;
        ReadSandwich(node, used, below, held, before);
    }

    private void ReadSandwich(CgroupNode node, ulong used, ulong below, ulong held, ulong before)
    {
        if (!TryReadCpu(node, out var after) || after < before) return;
        var heldChanged = node.SandwichPass >= 0 && node.SandwichHeld != held;
        node.SandwichPass = _pass;
        (node.SandwichBefore, node.SandwichAfter, node.SandwichBelow, node.SandwichHeld) = (used, used + (after - before), below, held);
        if (node.Active || heldChanged || !_options.Prune) _sandwiches.Add(node);
        var published = node.Cpu.Own + below;
        if (published + held < node.SandwichBefore || published > node.SandwichAfter) Counters.SandwichFailures++;
    }

    // Children first: their claims are then in the parent's dead. What a live child held back is certain once it is gone.
    private void Die(CgroupNode node)
    {
        if (node.Gone) return;
        node.Gone = true;
        foreach (var child in node.Children) Die(child);
        node.Children.Clear();
        Counters.Deaths++;
        var release = _options.Has(SafetyRule.ReleaseHeldAtDeath);
        if (release) node.Cpu.Release();
        if (node.Memory is { } memory && release) memory.Account.Release();
        for (var i = 0; node.Io is { } io && release && i < io.Accounts.Length; i++) io.Accounts[i].Release();
        EndSlow(node);
        if (node.Parent is { } parent && _options.Has(SafetyRule.DeadClaimGoesToParent)) Bury(node, parent);

        if (node.CpuHandle >= 0) _tree.Close(node.CpuHandle);
        _source.Forget(node);
        node.CpuHandle = -1;
        if (node.Watch >= 0 && _watches.Remove(node.Watch)) _tree.Unwatch(node.Watch);

        _nodes.Remove(node.Inode);
        _ended.Add(node);
    }

    private void Bury(CgroupNode node, CgroupNode parent)
    {
        parent.Cpu.Dead += node.Cpu.Claim;
        if (_source.IsHierarchical)
        {
            if (node.Memory is { } memory && parent.Memory is { } above) above.Account.Dead += memory.Account.Claim;
            for (var i = 0; node.Io is { } io && parent.Io is { } aboveIo && i < io.Accounts.Length; i++) aboveIo.Accounts[i].Dead += io.Accounts[i].Claim;
        }

        Touch(parent);
    }
}
