namespace Metering.Agent.Accounting;

// Elapsed time (memory, levels, reservations, lifetimes) is counted by the clock since boot, which runs through suspension and which no setting of the wall clock moves.
// The wall clock only names the windows.
internal sealed partial class Meterer
{
    /// <summary>Levels were stored with instants of another clock: nothing is integrated until they have been read again.</summary>
    public void ForgetLevels()
    {
        foreach (var node in _nodes.Values)
        {
            if (node.Memory is { } memory) memory.Level = false;
            if (node.Slow is not { } slow) continue;
            foreach (ref var level in slow.Levels.AsSpan()) level.Known = false;
        }
    }
}
