namespace Metering.Service.Reports;

/// <summary>A workload as listed, with its owner as of now.</summary>
/// <param name="Availability">By meter family: partial or unavailable, and why; families that are not named are as on the host.</param>
internal sealed record WorkloadView(
    string Host, string Kind, string Id, string Name, string Path, IReadOnlyDictionary<string, string> Labels, string Tenant, string Project, DateTimeOffset FirstSeen, DateTimeOffset LastSeen, bool Ended,
    IReadOnlyDictionary<string, string> Availability);
