using Metering.Cli.Doctor;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>What <c>doctor</c> makes of the agent's own counters.</summary>
public sealed class RunningChecksTests
{
    private const string Sound = """
        # HELP metering_agent_passes_total Passes over the cgroup tree.
        # TYPE metering_agent_passes_total counter
        metering_agent_passes_total 120
        metering_agent_cgroups 42
        metering_agent_lag_seconds 3.5
        metering_agent_unshipped_batches 0
        metering_agent_read_errors_total 0
        metering_ingest_batches_total{result="committed"} 7
        """;

    [Fact]
    public void A_sound_agent_is_one_line()
    {
        var check = RunningChecks.Agent(RunningChecks.Values(Sound))!;

        Assert.Equal((CheckState.Ok, "120 passes, 42 cgroups, last pass 4 s ago, 0 batches to ship"), (check.State, check.Finding));
    }

    [Fact]
    public void What_an_agent_had_to_do_without_is_named_with_its_remedy()
    {
        var check = RunningChecks.Agent(RunningChecks.Values(Sound.Replace("read_errors_total 0", "read_errors_total 9") + "\nmetering_agent_unwatched_directories_total 1200\nmetering_agent_no_descriptors_total 7\nmetering_agent_names_over_bound_total 5\n"))!;

        Assert.Equal(CheckState.Warning, check.State);
        Assert.Contains("1,200 visits to cgroups that could not be watched", check.Finding);
        Assert.Contains("9 files that could not be opened", check.Finding);
        Assert.Contains("7 times that there was no descriptor left", check.Finding);
        Assert.Contains("LimitNOFILE", check.Remedy);
        Assert.Contains("5 cgroups beyond Agent:MaxWorkloadsPerParent", check.Finding);
        Assert.Contains("fs.inotify.max_user_watches", check.Remedy);
    }

    [Fact]
    public void A_service_without_an_agent_says_nothing_of_one() => Assert.Null(RunningChecks.Agent(RunningChecks.Values("metering_ingest_batches_total 3\n")));
}
