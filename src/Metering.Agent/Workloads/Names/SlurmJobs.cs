using System.Text.RegularExpressions;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// The number of a Slurm job whose directory is named by its SLUID, from the title of its step daemon (<c>slurmstepd: [3385.extern]</c>, readable by all), and the job's user: the owner
/// of a process of a task. Both while it runs.
/// </summary>
internal sealed partial class SlurmJobs(NameFiles files, UserNames users, string? cgroups) : INameSource
{
    private const int MaxSteps = 64;

    public bool Handles(Workload workload) => workload.Kind == WorkloadKinds.Slurm && !workload.Overhead && cgroups is not null;

    public void Describe(Workload workload, NameFacts facts)
    {
        var job = workload.Path;
        if (job.IndexOf("/step_", StringComparison.Ordinal) is var step and > 0) job = job[..step];
        foreach (var name in files.Names(cgroups + job).Where(name => name.StartsWith("step_", StringComparison.Ordinal)).Take(MaxSteps))
        {
            var directory = $"{cgroups}{job}/{name}";
            foreach (var pid in Processes($"{directory}/slurm")) Title(pid, facts);
            var tasks = files.Names($"{directory}/user").Where(task => task.StartsWith("task_", StringComparison.Ordinal)).Take(MaxSteps);
            foreach (var pid in tasks.SelectMany(task => Processes($"{directory}/user/{task}")).Take(1)) Owner(pid, facts);
        }
    }

    private IEnumerable<string> Processes(string directory) => files.Lines($"{directory}/cgroup.procs").Where(pid => pid.All(char.IsAsciiDigit)).Take(8);

    private void Title(string pid, NameFacts facts)
    {
        if (files.Text($"/proc/{pid}/cmdline") is not { } title || Step().Match(title) is not { Success: true } match) return;
        facts.Call(match.Groups["job"].Value);
        facts.Fact("slurm.job", match.Groups["job"].Value);
    }

    // "Uid:" real, effective, saved, file system. The daemon itself is root's.
    private void Owner(string pid, NameFacts facts)
    {
        var uid = files.Lines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith("Uid:", StringComparison.Ordinal))?.Split('\t', StringSplitOptions.TrimEntries).ElementAtOrDefault(1);
        if (uid is null or "0") return;
        facts.Fact("slurm.uid", uid);
        facts.Fact(UserNames.Label, users.Name(uid));
    }

    [GeneratedRegex(@"^slurmstepd: \[(?<job>[0-9]{1,20})(?:\.|\])", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Step();
}
