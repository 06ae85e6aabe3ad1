using Metering.Agent.Cgroups;
using Metering.Messages;
using Metering.Safety;

namespace Metering.Agent.Accounting;

// What a cgroup used after it was last read is in its parent's counter, and is told apart there.
internal sealed partial class Meterer
{
    // False when the reading can not tell yet and another one will be made: nothing is published then. Adds what it gave to the dead to below.
    private bool TrySettleDead(CgroupNode node, ref ulong below, ulong held, bool quiet)
    {
        var known = below + node.Cpu.Own + held;
        var growth = node.Cpu.Used > known ? node.Cpu.Used - known : 0;
        var settled = quiet && node.Watch >= 0 && !node.NeedsListing && !node.Refused;
        if (node.Dying is not { Count: > 0 } dying)
        {
            // A few microseconds are what was held back and is now released, or was rounded.
            if (growth > (ulong)node.Children.Count + 1) (node.Vacant, node.Emptied) = (false, false);
            if (settled) node.Clean = true;
            else if (growth > 0 || node.Watch < 0) node.Clean = false;
            if (node is { Events: not null, Vacant: false, Clean: true }) FindVacant(node, HoldsNoProcesses(node), settled);
            return true;
        }

        if (_following)
        {
            Counters.Settlements++;
            if (!quiet) Counters.Unquiet++;
            if (!quiet && _options.Has(SafetyRule.SettleOnlyWhenQuiet)) return false;
        }

        var vacant = HoldsNoProcesses(node);
        var certain = (quiet || !_options.Has(SafetyRule.SettleOnlyWhenQuiet)) && (node.Clean || !_options.Has(SafetyRule.LostEventsForbidSettling)) &&
            ((node.Vacant && vacant) || !_options.Has(SafetyRule.OwnProcessesForbidSettling)) && node.Watch >= 0 && !node.Refused;
        node.Clean = settled;
        FindVacant(node, vacant, settled);

        // Beyond the bound of names use is the parent's own. So is what rounding held back, where each was read after its last process had left: its own counter is then its bill.
        if (growth > 0 && !node.Refused && !IsRounding(node, dying, growth))
        {
            GiveToDead(node, dying, growth, certain);
            below += growth;
        }

        dying.Clear();
        return true;
    }

    // What its last process used before it left is in a later reading only: vacant is who was found empty before a reading that left nothing open, and after it.
    private static void FindVacant(CgroupNode node, bool empty, bool settled)
    {
        node.Vacant = empty && (node.Vacant || (node.Emptied && settled));
        node.Emptied = empty;
    }

    private void GiveToDead(CgroupNode parent, List<CgroupNode> dying, ulong growth, bool certain)
    {
        if (certain && (dying.Count == 1 || !_options.Has(SafetyRule.SettleOneDeath)))
        {
            Give(parent, dying.Find(node => !node.Complete) ?? dying[^1], growth, Origin.Settled);
            return;
        }

        var open = dying.Count(node => !node.Complete);

        // By what each is likely to have used: its rate while it was read, over the time that nobody read it.
        UInt128 whole = 0;
        foreach (var node in dying) whole += Likely(node, open);
        UInt128 sum = 0;
        ulong given = 0;
        foreach (var node in dying)
        {
            sum += Likely(node, open);
            var upTo = (ulong)((UInt128)growth * sum / whole);
            if (upTo > given) Give(parent, node, upTo - given, Origin.Estimated);
            given = upTo;
        }
    }

    private static bool IsRounding(CgroupNode parent, List<CgroupNode> dying, ulong growth) =>
        growth <= (ulong)(parent.Children.Count + dying.Count) + 1 && dying.TrueForAll(node => node.Complete);

    private UInt128 Likely(CgroupNode node, int open)
    {
        if (node.Complete && open > 0) return 0;
        var unread = (ulong)Math.Max(_clock - node.ReadAt, 1);
        var read = (ulong)Math.Max(node.ReadAt - node.MetAt, 0);
        var used = node.Cpu.Own - node.GivenAtEnd;

        // Never read while it ran: one processor. Rates are in millionths of a processor.
        var rate = read == 0 || used == 0 ? 1_000_000 : UInt128.Min((UInt128)used * 1_000_000 / read, 1_000_000_000) + 1;
        return rate * unread;
    }

    private void Give(CgroupNode parent, CgroupNode node, ulong microseconds, Origin origin)
    {
        // One that was never opened ends in the records only if it used something.
        if (node.Cpu.Own == 0 && (node.Inode >> 62) == 1) _ended.Add(node);
        node.Cpu.Inherit(microseconds);
        node.GivenAtEnd += microseconds;
        node.GivenAs = origin;
        if (_options.Has(SafetyRule.DeadClaimGoesToParent)) parent.Cpu.Dead += microseconds;
        Touch(parent);
        if (origin == Origin.Settled) Counters.SettledMicroseconds += microseconds;
        else Counters.EstimatedMicroseconds += microseconds;
    }

    // Unknown is not none: threads of a threaded cgroup are not told by this file.
    private bool HoldsNoProcesses(CgroupNode node)
    {
        var handle = _tree.OpenFile(node.Path, node.Parent is null ? 0 : node.Inode, "cgroup.procs");
        if (handle < 0) return false;
        Counters.FilesRead++;
        var length = _tree.Read(handle, _buffer);
        _tree.Close(handle);
        return length == 0;
    }
}
