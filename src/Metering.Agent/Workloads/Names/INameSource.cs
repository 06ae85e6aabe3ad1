namespace Metering.Agent.Workloads.Names;

/// <summary>
/// One runtime's state files, or another place that knows names. Reads only, with the privileges the agent has; what can not be read is not known, and nothing is thrown.
/// Called on the thread of the names, never on that of the passes.
/// </summary>
internal interface INameSource
{
    /// <summary>True when it may know this workload, by kind and id alone.</summary>
    bool Handles(Workload workload);

    /// <summary>Adds what it knows.</summary>
    void Describe(Workload workload, NameFacts facts);
}
