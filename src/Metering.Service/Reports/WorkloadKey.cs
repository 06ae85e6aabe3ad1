namespace Metering.Service.Reports;

/// <summary>A workload as a key of a row.</summary>
/// <param name="Id">The workload's id on its host.</param>
/// <param name="Path">cgroup path below the cgroup2 root.</param>
internal sealed record WorkloadKey(string Id, string Kind, string Name, string Path, string Host);
