namespace Metering.Service.Ui;

/// <summary>A day hour by hour.</summary>
/// <param name="Starts">Of the hours, oldest first.</param>
/// <param name="ByWorkload">Empty when there are too many.</param>
internal sealed record OverviewHours(IReadOnlyList<DateTimeOffset> Starts, IReadOnlyList<ChartLine> ByTenant, IReadOnlyList<ChartLine> ByWorkload);
