namespace Metering.Agent.Workloads;

/// <summary>The names of all kinds.</summary>
public static class WorkloadKinds
{
    public const string Raw = "raw";
    public const string System = "system";
}
