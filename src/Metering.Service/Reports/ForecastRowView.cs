using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>What a month costs so far, and what it will have cost at its end; see <see cref="CostForecast"/>.</summary>
/// <param name="ToDate">Null: no price holds.</param>
/// <param name="Forecast">To 6 places; null: not known, and why is in <paramref name="Reason"/>.</param>
internal sealed record ForecastRowView(IReadOnlyDictionary<string, object> Key, string? Currency, Amount? ToDate, decimal? Forecast, string? Reason);
