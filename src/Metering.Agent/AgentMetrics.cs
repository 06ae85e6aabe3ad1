using System.Diagnostics.Metrics;
using Metering.Agent.Accounting;
using Metering.Enforcement;
using Metering.Units;

namespace Metering.Agent;

/// <summary>What the agent's passes met and how far its batches are, as instruments; shown on /metrics of <c>up</c>, and of an agent with <c>Agent:MetricsUrl</c>.</summary>
internal sealed class AgentMetrics : IDisposable
{
    private readonly Meter _meter = new("Metering.Agent");

    public AgentMetrics(MeteringAgent agent, TimeProvider clock)
    {
        Count("passes", "Passes over the cgroup tree.", counters => counters.Passes);
        Count("files_read", "cgroup files read.", counters => counters.FilesRead);
        Count("births", "cgroups that were met for the first time.", counters => counters.Births);
        Count("deaths", "cgroups that ended.", counters => counters.Deaths);
        Count("conservation_failures", "Readings of a parent and its children that did not add up; any is an alarm.", counters => counters.SandwichFailures);
        Count("generations", "Counters that began anew (went backwards), as when a controller is toggled.", counters => counters.CounterResets);
        Count("read_errors", "cgroup files that could not be opened or read for another reason than their cgroup's end; their use is their parent's until they can.", counters => counters.ReadErrors);
        Count("no_descriptors", "cgroup files that could not be opened since the process, or the host, had no descriptor left.", counters => counters.NoDescriptors);
        Count("unreadable", "cgroup files and directories that the agent may not read.", counters => counters.Unreadable);
        Count("tree_gone", "Times that a cgroup was not found because the tree is not mounted where it was; nothing is taken for ended.", counters => counters.TreeGone);
        Count("malformed", "cgroup files whose text was not understood.", counters => counters.Malformed);
        Count("event_overflows", "Times that the kernel dropped inotify events; each costs a rescan.", counters => counters.Overflows);
        Count("unwatched_directories", "Visits to a cgroup that could not be watched (fs.inotify.max_user_watches) and so was listed.", counters => counters.UnwatchedDirectories);
        Count("unwatched_leaves", "cgroups whose end is not announced, for want of a watch; they are read at the next pass, and what they used after it is told by their parent's counter.", counters => counters.UnwatchedLeaves);
        Count("never_opened", "cgroups that were born and removed before they could be opened; what they used is told by their parent's counter.", counters => counters.NeverOpened);
        Count("emptied_read", "cgroups that were read between their last process's end and their removal.", counters => counters.EmptiedRead);
        Count("settlements", "Readings of a parent after deaths among its children.", counters => counters.Settlements);
        Count("unquiet_settlements", "Those of them whose parent moved meanwhile, so that what it shows is not surely of the dead.", counters => counters.Unquiet);
        Seconds("settled", "CPU time of cgroups that had ended, proved by their parent's counter.", counters => counters.SettledMicroseconds);
        Seconds("estimated", "CPU time of cgroups that had ended, split between them by known rates and lifetimes; sums are exact, the split is not.", counters => counters.EstimatedMicroseconds);
        Count("names_over_bound", "cgroups not named because their parent had Agent:MaxWorkloadsPerParent; their use is billed to the parent.", counters => counters.NamesOverBound);
        _meter.CreateObservableGauge("metering_agent_cgroups", () => (long)agent.Cgroups, unit: null, description: "Live cgroups at the last pass.");
        _meter.CreateObservableGauge("metering_agent_before_metering_seconds", () => (double)((agent.Journal.Before?.CpuMicroseconds ?? 0) / 1_000_000m), unit: "s", description: "CPU used before the first pass of this epoch found it; not billed.");
        _meter.CreateObservableGauge("metering_agent_lag_seconds", () => agent.Journal.LastPassMicroseconds is { } last ? Math.Max(0, (clock.GetUtcNow() - UnixTime.FromMicroseconds(last)).TotalSeconds) : 0,
            unit: "s", description: "Age of the last stored pass.");
        _meter.CreateObservableGauge("metering_agent_unshipped_batches", () => (long)(agent.Journal.NextSequence - 1 - agent.Journal.Committed), unit: null, description: "Batches in the journal that the ledger has not committed.");
        _meter.CreateObservableGauge("metering_agent_enforced", () => EnforcementActions.ByName.Keys.Select(file => new Measurement<long>(agent.Enforcer.Held.Count(limit => limit.File == file && limit.Trouble is null), new KeyValuePair<string, object?>("file", file))), unit: null, description: "Limits in force that the service ordered.");
        _meter.CreateObservableGauge("metering_agent_enforcement_trouble", () => (long)agent.Enforcer.Held.Count(limit => limit.Trouble is not null), unit: null, description: "Limits that could not be set or undone; tried again each second.");
        _meter.CreateObservableCounter("metering_agent_commands_refused", () => agent.Enforcer.Refused, unit: null, description: "Commands of the service that were not obeyed.");
        _meter.CreateObservableGauge("metering_agent_trouble", () => agent.Stuck is null ? 0L : 1L, unit: null, description: "1 while something keeps batches from the ledger or passes from the journal.");

        _meter.CreateObservableGauge("metering_agent_degraded", () => DegradedState.All.Select(state => new Measurement<long>(agent.Degraded.Now.Contains(state) ? 1 : 0, new KeyValuePair<string, object?>("reason", state.Reason))),
            unit: null, description: "1 while the last pass was degraded for this reason; sums stay exact.");

        void Count(string name, string help, Func<PassCounters, long> value) =>
            _meter.CreateObservableCounter("metering_agent_" + name, () => value(agent.Counters), unit: null, description: help);

        void Seconds(string name, string help, Func<PassCounters, ulong> microseconds) =>
            _meter.CreateObservableCounter($"metering_agent_{name}_cpu_seconds", () => (double)(microseconds(agent.Counters) / 1_000_000m), unit: "s", description: help);
    }

    public void Dispose() => _meter.Dispose();
}
