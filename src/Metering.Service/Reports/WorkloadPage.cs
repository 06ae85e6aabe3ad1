namespace Metering.Service.Reports;

/// <summary>A page of workloads.</summary>
internal sealed record WorkloadPage(IReadOnlyList<WorkloadView> Workloads, string? NextCursor);
