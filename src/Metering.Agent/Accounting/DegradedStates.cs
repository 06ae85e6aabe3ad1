namespace Metering.Agent.Accounting;

/// <summary>Which states the last pass was in. Written by passes, read by whoever asks.</summary>
internal sealed class DegradedStates
{
    /// <summary>The host label: the states of the last pass, <c>REASON: meaning; …</c>; absent when there is none.</summary>
    public const string Label = "agent.degraded";

    private readonly long[] _counts = new long[DegradedState.All.Length];
    private volatile IReadOnlyList<DegradedState> _now = [];

    /// <summary>Those of the last pass, in the order of the catalogue.</summary>
    public IReadOnlyList<DegradedState> Now => _now;

    /// <summary>Those that the pass before was not in.</summary>
    public IReadOnlyList<DegradedState> Begun { get; private set; } = [];

    /// <summary>One sentence; null when the last pass was as it should be.</summary>
    public string? Text => _now is { Count: > 0 } now ? "Degraded: " + string.Join("; ", now.Select(state => $"{state.Reason}, {state.Meaning} ({state.Remedy})")) + "." : null;

    /// <summary>After a pass; allocates only when something changed.</summary>
    public void After(PassCounters counters)
    {
        var before = _now;
        var changed = false;
        for (var i = 0; i < _counts.Length; i++) changed |= (DegradedState.All[i].Count(counters) > _counts[i]) != Contains(before, DegradedState.All[i]);
        if (changed) _now = [.. DegradedState.All.Where((state, i) => state.Count(counters) > _counts[i])];
        Begun = changed ? [.. _now.Except(before)] : [];
        for (var i = 0; i < _counts.Length; i++) _counts[i] = DegradedState.All[i].Count(counters);
    }

    private static bool Contains(IReadOnlyList<DegradedState> states, DegradedState state)
    {
        for (var i = 0; i < states.Count; i++)
        {
            if (states[i] == state) return true;
        }

        return false;
    }
}
