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

    /// <summary>What was not stored anew until the journal took its last pass stood still until then: memory that was held, levels at zero.</summary>
    public void HeldUntil(long clockMicroseconds) => HeldUntil(Root, clockMicroseconds);

    private ulong HeldUntil(CgroupNode node, long clockMicroseconds)
    {
        var below = node.Memory?.Account.Dead ?? 0;
        foreach (var child in node.Children) below += HeldUntil(child, clockMicroseconds);
        if (node.Slow is { } slow)
        {
            foreach (ref var level in slow.Levels.AsSpan())
            {
                if (level is { Known: true, Value: 0 }) level.AtMicroseconds = Math.Max(level.AtMicroseconds, clockMicroseconds);
            }
        }

        if (node.Memory is not { Level: true } memory) return node.Memory?.Account.Claim ?? 0;
        memory.Hold(clockMicroseconds, _options.Rules);
        memory.Account.Settle(_source.IsHierarchical ? below : 0, 0);
        return memory.Account.Claim;
    }
}
