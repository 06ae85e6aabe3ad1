using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>What the passes of this process met; shown by /metrics and doctor.</summary>
internal sealed class PassCounters
{
    public long Passes, FilesRead, Births, Deaths, Malformed, ReadErrors, Overflows, UnwatchedDirectories, SandwichFailures, CounterResets, NamesOverBound;

    /// <summary>Why it was degraded, a count for each reason.</summary>
    public long NoDescriptors, Unreadable, TreeGone;

    /// <summary>Leaves whose end is not announced, since there was no watch to be had or their bound was reached.</summary>
    public long UnwatchedLeaves;

    /// <summary>Cgroups that were born and removed before they could be opened.</summary>
    public long NeverOpened;

    /// <summary>Emptied cgroups that were read before they were removed.</summary>
    public long EmptiedRead;

    /// <summary>Readings between passes after a death, and those of them whose parent moved meanwhile.</summary>
    public long Settlements, Unquiet;

    /// <summary>Use of the dead that their parent's counter proved, and use that was shared out.</summary>
    public ulong SettledMicroseconds, EstimatedMicroseconds;

    /// <summary>A file could not be opened or read: −errno. That there is none, or that its cgroup has ended, is no error.</summary>
    public void Failed(int error)
    {
        if (error is -Posix.ENOENT or -Posix.ENODEV) return;
        ReadErrors++;
        if (error is -Posix.EMFILE or -Posix.ENFILE) NoDescriptors++;
        else if (error is -Posix.EACCES or -Posix.EPERM) Unreadable++;
    }
}
