namespace Metering.Service.Reports;

/// <summary>The hosts.</summary>
internal sealed record HostPage(IReadOnlyList<HostView> Hosts);
