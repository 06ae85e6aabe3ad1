using System.Collections.Concurrent;
using Metering.Agent.Accounting;
using Microsoft.Extensions.Logging;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Finds names beside the passes: a pass hands over what it has met and takes what has been found since, and never waits. What has no name yet is asked for again, ever more rarely,
/// as long as it lives and an hour longer; what has one is looked at again every five minutes, since it may be renamed.
/// </summary>
internal sealed partial class NameTracker(NameResolver resolver, TimeProvider clock, ILogger log, int maxTracked = 100_000)
{
    private const int MaxPerStep = 500, MaxQueued = 200_000;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5), AfterEnd = TimeSpan.FromHours(1), Pause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentQueue<(ulong Inode, string Path, Workload? Workload)> _asked = new();
    private readonly ConcurrentQueue<(ulong Inode, string Path, Workload Workload)> _found = new();
    private readonly Dictionary<ulong, Tracked> _tracked = [];
    private readonly PriorityQueue<(ulong Inode, Tracked Tracked), DateTimeOffset> _due = new();

    /// <summary>Workloads that are asked for; bounded, whatever names tenants make.</summary>
    public int Count => _tracked.Count;

    /// <summary>Hands everything that lives over, after a restart.</summary>
    public void Restored(Meterer meterer)
    {
        foreach (var node in meterer.Nodes) Ask(node.Inode, node.Path, node.Recognised);
    }

    /// <summary>Before a pass: gives the meterer what was found.</summary>
    public void Apply(Meterer meterer)
    {
        while (_found.TryDequeue(out var found)) meterer.Describe(found.Inode, found.Path, found.Workload);
    }

    /// <summary>After a pass, before it is journalled: takes over what was born and what ended.</summary>
    public void Follow(Meterer meterer)
    {
        foreach (var node in meterer.Touched)
        {
            if (!node.Announced && !node.Gone) Ask(node.Inode, node.Path, node.Recognised);
        }

        foreach (var node in meterer.Ended)
        {
            // Born and ended between two passes: it is asked for all the same, its files may outlive it.
            if (!node.Announced) Ask(node.Inode, node.Path, node.Recognised);
            Ask(node.Inode, node.Path, null);
        }
    }

    /// <summary>Asks until cancelled. Whatever goes wrong here leaves names unknown and usage untouched.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                Step();
                await Task.Delay(Pause, clock, cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogTrouble(log, e);
                await Task.Delay(Longest, clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>One round: at most <see cref="MaxPerStep"/> questions.</summary>
    public void Step()
    {
        var now = clock.GetUtcNow();
        while (_asked.TryDequeue(out var asked)) Take(asked.Inode, asked.Path, asked.Workload, now);
        for (var done = 0; done < MaxPerStep && _due.TryPeek(out var next, out var at) && at <= now; done++)
        {
            _due.Dequeue();
            if (_tracked.GetValueOrDefault(next.Inode) == next.Tracked) Look(next.Inode, next.Tracked, now);
        }
    }

    private void Ask(ulong inode, string path, Workload? workload)
    {
        // The bound holds for a thread of names that hangs (a home on a dead file server); what is dropped keeps the name its path tells.
        if (_asked.Count < MaxQueued) _asked.Enqueue((inode, path, workload));
    }

    private void Take(ulong inode, string path, Workload? workload, DateTimeOffset now)
    {
        if (workload is null)
        {
            if (!_tracked.TryGetValue(inode, out var ended)) return;
            if (ended.Known) _tracked.Remove(inode);
            else ended.Until = now + AfterEnd;
            return;
        }

        if (_tracked.Count >= maxTracked || !resolver.Handles(workload)) return;
        var tracked = new Tracked(path, workload);
        _tracked[inode] = tracked;
        _due.Enqueue((inode, tracked), now);
    }

    private void Look(ulong inode, Tracked tracked, DateTimeOffset now)
    {
        var found = resolver.Resolve(tracked.Workload);
        if (!ReferenceEquals(found, tracked.Workload) && !tracked.Says(found))
        {
            tracked.Last = found;
            _found.Enqueue((inode, tracked.Path, found));
        }

        if (tracked.Until is { } until && (tracked.Known || now >= until))
        {
            _tracked.Remove(inode);
            return;
        }

        tracked.Wait = tracked.Known ? Longest : TimeSpan.FromTicks(Math.Min(Longest.Ticks, tracked.Wait.Ticks * 2));
        _due.Enqueue((inode, tracked), now + tracked.Wait);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Names and labels of workloads can not be read at present; usage is metered all the same, and they are tried again in 5 minutes.")]
    private static partial void LogTrouble(ILogger log, Exception e);

    private sealed class Tracked(string path, Workload workload)
    {
        public string Path => path;

        /// <summary>As its path tells it.</summary>
        public Workload Workload => workload;

        public Workload? Last { get; set; }

        public TimeSpan Wait { get; set; } = Pause;

        /// <summary>It has ended, and is asked for until then.</summary>
        public DateTimeOffset? Until { get; set; }

        /// <summary>It has a name of its own; labels alone (the user's name) may come before it.</summary>
        public bool Known => Last is not null && Last.Name != workload.Name;

        public bool Says(Workload found) => Last is not null && Last.Name == found.Name && Last.Labels.SequenceEqual(found.Labels);
    }
}
