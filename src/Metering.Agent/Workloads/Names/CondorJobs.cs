namespace Metering.Agent.Workloads.Names;

/// <summary>
/// The job that runs in a slot of HTCondor, from the ads that the starter keeps in the slot's scratch directory: <c>EXECUTE/dir_PID/.machine.ad</c> names the slot, <c>.job.ad</c> the job
/// (ClassAds, lines NAME = VALUE). The next job of the slot is another version of its labels.
/// </summary>
internal sealed class CondorJobs(NameFiles files) : INameSource
{
    private const int MaxJobs = 1000;

    public bool Handles(Workload workload) => workload.Kind == WorkloadKinds.HtCondor;

    public void Describe(Workload workload, NameFacts facts)
    {
        // The path has '_' for '/'; a name that had one of its own is not found, but the usual place is tried first.
        var written = workload.Labels.GetValueOrDefault("execute")?.Replace('_', '/') ?? "";
        foreach (var execute in new[] { "/var/lib/condor/execute", written.StartsWith('/') ? written : "/" + written }.Distinct(StringComparer.Ordinal))
        {
            foreach (var name in files.Names(execute).Where(name => name.StartsWith("dir_", StringComparison.Ordinal)).Take(MaxJobs))
            {
                if (Ad($"{execute}/{name}/.machine.ad").GetValueOrDefault("Name") != workload.Id) continue;
                Tell(Ad($"{execute}/{name}/.job.ad"), facts);
                return;
            }
        }
    }

    private static void Tell(Dictionary<string, string> job, NameFacts facts)
    {
        if (!job.TryGetValue("ClusterId", out var cluster)) return;
        var id = $"{cluster}.{job.GetValueOrDefault("ProcId", "0")}";
        facts.Call(id);
        facts.Fact("condor.job", id);
        facts.Fact("condor.owner", job.GetValueOrDefault("Owner"));
        facts.Fact("condor.group", job.GetValueOrDefault("AccountingGroup"));
    }

    private Dictionary<string, string> Ad(string path)
    {
        var ad = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in files.Lines(path))
        {
            if (line.Split('=', 2, StringSplitOptions.TrimEntries) is [var key, var value]) ad.TryAdd(key, value.Trim('"'));
        }

        return ad;
    }
}
