namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Job, group and namespace of a Nomad task of the drivers that start processes (exec, raw_exec, java): Nomad tells them to the task by variables that begin with <c>NOMAD_</c>
/// (developer.hashicorp.com/nomad/docs/runtime/environment), and writes them nowhere else but in a database of its own. Of a process's environment nothing else is looked at, and only if it
/// names the allocation that the cgroup does. Tasks of the docker driver have labels of their container instead.
/// </summary>
internal sealed class NomadTasks(NameFiles files, string? cgroups) : INameSource
{
    private const int MaxProcesses = 4;
    private const string Prefix = "NOMAD_";

    public bool Handles(Workload workload) => workload.Kind == WorkloadKinds.Nomad && !workload.Overhead && cgroups is not null;

    public void Describe(Workload workload, NameFacts facts)
    {
        if (!workload.Labels.TryGetValue("alloc", out var alloc)) return;
        foreach (var process in files.Lines($"{cgroups}{workload.Path}/cgroup.procs").Where(line => line.All(char.IsAsciiDigit)).Take(MaxProcesses))
        {
            var told = Told(process);
            if (told.GetValueOrDefault("ALLOC_ID") != alloc) continue;
            if (told.TryGetValue("ALLOC_NAME", out var name)) facts.Call($"{name}/{told.GetValueOrDefault("TASK_NAME") ?? workload.Labels.GetValueOrDefault("task")}");
            facts.Fact("nomad.job", told.GetValueOrDefault("JOB_NAME"));
            facts.Fact("nomad.group", told.GetValueOrDefault("GROUP_NAME"));
            facts.Fact("nomad.namespace", told.GetValueOrDefault("NAMESPACE"));
            return;
        }
    }

    private Dictionary<string, string> Told(string process)
    {
        var told = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var variable in files.Text($"/proc/{process}/environ")?.Split('\0') ?? [])
        {
            if (variable.StartsWith(Prefix, StringComparison.Ordinal) && variable.IndexOf('=') is > 0 and var equals) told.TryAdd(variable[Prefix.Length..equals], variable[(equals + 1)..]);
        }

        return told;
    }
}
