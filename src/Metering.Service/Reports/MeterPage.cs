namespace Metering.Service.Reports;

/// <summary>What is metered.</summary>
internal sealed record MeterPage(IReadOnlyList<MeterView> Meters);
