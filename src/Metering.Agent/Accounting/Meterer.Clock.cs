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

    /// <summary>Levels that stood at zero when the journal took its last pass did so until then: what is proved to be zero is not stored anew.</summary>
    public void ZeroUntil(long clockMicroseconds)
    {
        foreach (var node in _nodes.Values)
        {
            if (node.Slow is not { } slow) continue;
            foreach (ref var level in slow.Levels.AsSpan())
            {
                if (level is { Known: true, Value: 0 }) level.AtMicroseconds = Math.Max(level.AtMicroseconds, clockMicroseconds);
            }
        }
    }
}
