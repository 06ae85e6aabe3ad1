namespace Metering.Service.Reports;

/// <summary>A workload as listed, with its owner as of now.</summary>
internal sealed record WorkloadView(
    string Host, string Kind, string Id, string Name, string Path, IReadOnlyDictionary<string, string> Labels, string Tenant, string Project, DateTimeOffset FirstSeen, DateTimeOffset LastSeen, bool Ended);
