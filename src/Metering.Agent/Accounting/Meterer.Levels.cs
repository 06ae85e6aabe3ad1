namespace Metering.Agent.Accounting;

// Memory, block I/O and pids: each family is walked by itself and pruned by its own counter of the parent.
internal sealed partial class Meterer
{
    /// <summary>An idle cgroup's level is read again at least so often.</summary>
    private const long HeldLevelMicroseconds = 60_000_000;

    /// <summary>The finest grain of the ledger: 15 minutes.</summary>
    private const long BucketBoundMicroseconds = 900_000_000;

    private void VisitMemory(CgroupNode node, bool parentMoved)
    {
        var moved = true;
        if (HasFigures(node))
        {
            var state = node.Memory ??= NewMemory();
            if (MayHold(node, state, parentMoved)) state.Hold(_clock, _options.Rules);
            else ReadMemory(node);

            // An unknown parent proves nothing about its children.
            moved = !state.Level || (state.Moved && state.ReadAtMicroseconds == _clock);
        }

        ulong claims = 0;
        foreach (var child in node.Children)
        {
            if (child.Gone) continue;
            VisitMemory(child, moved);
            if (child.Memory is { } below) claims += below.Account.Claim;
        }

        // Settled also while its own figure is not known: its children's claims are then its claim.
        if (node.Memory is { } memory)
        {
            var flat = !_source.IsHierarchical;
            memory.Account.Settle(flat ? 0 : memory.Account.Dead + claims, 0);
        }
    }

    private void ReadMemory(CgroupNode node)
    {
        var state = node.Memory ??= NewMemory();
        if (!_source.TryMemory(node, state, out var bytes))
        {
            // What it holds while it can not be read is its parent's own: a line drawn to the next reading would bill that twice.
            if (!state.Level || !_source.IsHierarchical || node.Parent is not { } parent || !HasFigures(parent)) return;
            state.Level = false;
            Touch(node);
            return;
        }

        state.Observe(bytes, _clock, _options.Rules);
        Touch(node);
    }

    // The machine's root has no files of its own; v1 groups of its processes are joined to it all the same.
    private bool HasFigures(CgroupNode node) => node.Parent is not null || !_tree.RootIsMachine || !_source.IsHierarchical;

    // Idle, its parent's memory stands still, read within the last minute: the level is held. Not over a bucket's bound, where the integral is cut.
    private bool MayHold(CgroupNode node, MemoryState state, bool parentMoved) =>
        _options.Prune && state.Level && !IsActive(node) && !parentMoved && _clock - state.ReadAtMicroseconds < HeldLevelMicroseconds && !_closing;

    private void VisitIo(CgroupNode node)
    {
        var prune = false;
        if (HasFigures(node))
        {
            prune = ReadIo(node) && !node.Io!.Moved && _options.Prune && _source.IsHierarchical;

            // As with CPU: whoever was born before this reading must be known before it is settled.
            if (node.IsWalked && !prune)
            {
                _tree.DrainEvents(this);
                FindBirths(node);
            }
        }

        if (prune) return;
        Span<ulong> claims = stackalloc ulong[4];
        foreach (var child in node.Children)
        {
            if (child.Gone) continue;
            VisitIo(child);
            for (var i = 0; child.Io is { } below && i < 4; i++) claims[i] += below.Accounts[i].Claim;
        }

        if (node.Io is not { } io) return;
        var flat = !_source.IsHierarchical;
        for (var i = 0; i < 4; i++) io.Accounts[i].Settle(flat ? 0 : io.Accounts[i].Dead + claims[i], 0);
    }

    private bool ReadIo(CgroupNode node)
    {
        var state = node.Io ??= NewIo();
        var before = (state.ReadBytes, state.WriteBytes, state.ReadOperations, state.WriteOperations);
        var started = state.Accounts[0].Started;
        if (!_source.TryIo(node, state, countFirst: true))
        {
            // Where parents do not hold their children's, nobody else took it.
            if (!_source.IsHierarchical) return false;
            if (!state.Missed) Touch(node);
            state.Missed = true;
            return false;
        }

        state.Moved = !state.Proves || state.Missed || before != (state.ReadBytes, state.WriteBytes, state.ReadOperations, state.WriteOperations);
        for (var i = 0; i < 4; i++)
        {
            if (!started) state.Accounts[i].Start(state.Sum(i), node.FromZero && !state.Missed);
            else if (state.Missed) state.Accounts[i].Resume(state.Sum(i), _options.Rules);
            else state.Accounts[i].Observe(state.Sum(i), _options.Rules);
        }

        if (state.Moved) Touch(node);
        (state.Missed, state.Proves) = (false, true);
        return true;
    }

    private void VisitPids(CgroupNode node)
    {
        if (_options.Prune && node.Pids is { Known: true } && !IsDue(node))
        {
            foreach (var child in node.Children) VisitPids(child);
            return;
        }

        if (HasFigures(node)) ReadPids(node);
        foreach (var child in node.Children) VisitPids(child);
    }

    private void ReadPids(CgroupNode node)
    {
        var state = node.Pids ??= NewPids();
        if (!_source.TryPids(node, state, out var tasks)) return;
        state.Known = true;
        if (tasks <= state.Peak) return;
        state.Peak = tasks;
        Touch(node);
    }
}
