namespace Metering.Agent.Accounting;

/// <summary>A way in which passes can be worse than they should: metering goes on and sums stay exact, but something costs more or is told less finely.</summary>
/// <param name="Reason">Its name on /metrics, in the log and in <c>doctor</c>.</param>
/// <param name="Meaning">What it does to the figures.</param>
/// <param name="Remedy">What a person can do.</param>
/// <param name="Count">How often it was met; a pass that raises it was degraded.</param>
internal sealed record DegradedState(string Reason, string Meaning, string Remedy, Func<PassCounters, long> Count)
{
    public static readonly DegradedState[] All =
    [
        new("tree-gone", "the cgroup tree is not mounted where it was; what can still be read is metered, nothing is taken for ended", "mount it again, or restart the agent with the new mount point", counters => counters.TreeGone),
        new("unreadable", "some cgroup files or directories can not be read; their use is billed to their parents until they can", "run the agent as root, or as a user who may read the tree", counters => counters.Unreadable),
        new("no-descriptors", "the process has no descriptors left; cgroups that can not be opened are billed to their parents until they can", "raise the limit of open files (LimitNOFILE=65536 in systemd, ulimit -n)", counters => counters.NoDescriptors),
        new("unreachable", "some cgroups can not be opened for another reason, such as a path of more than 4,096 bytes; their use is billed to their parents", "nest cgroups less deep, or look at the kernel's log", counters => counters.ReadErrors - counters.NoDescriptors - counters.Unreadable),
        new("no-watches", "some cgroups can not be watched and are listed at every pass", "sysctl fs.inotify.max_user_watches=1048576 fs.inotify.max_user_instances=1024", counters => counters.UnwatchedDirectories),
        new("events-lost", "the kernel dropped events; the tree was listed anew", "sysctl fs.inotify.max_queued_events=65536", counters => counters.Overflows),
        new("names-over-bound", "a cgroup has more children than Agent:MaxWorkloadsPerParent; the rest is billed to it", "raise Agent:MaxWorkloadsPerParent if they are meant", counters => counters.NamesOverBound),
        new("not-understood", "some cgroup files have text that is not understood; their use is billed to their parents", "report the kernel's version with the file's text", counters => counters.Malformed),
    ];
}
