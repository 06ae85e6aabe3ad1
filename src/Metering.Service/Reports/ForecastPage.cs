namespace Metering.Service.Reports;

/// <summary>Forecasts of a month; from and to are its bounds.</summary>
internal sealed record ForecastPage(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<ForecastRowView> Rows);
