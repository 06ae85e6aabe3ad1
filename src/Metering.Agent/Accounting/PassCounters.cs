namespace Metering.Agent.Accounting;

/// <summary>What the passes of this process met; shown by /metrics and doctor.</summary>
internal sealed class PassCounters
{
    public long Passes, FilesRead, Births, Deaths, Malformed, ReadErrors, Overflows, UnwatchedDirectories, SandwichFailures, CounterResets, NamesOverBound;

    /// <summary>Why it was degraded, a count for each reason.</summary>
    public long NoDescriptors, Unreadable, TreeGone;
}
