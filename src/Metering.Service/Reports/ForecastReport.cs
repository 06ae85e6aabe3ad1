using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using NodaTime;

namespace Metering.Service.Reports;

/// <summary>Forecasts of the current month to its end, by anything that costs can be grouped by.</summary>
internal sealed class ForecastReport(CostReport costs, LedgerStore store, LedgerOptions options)
{
    private sealed record Series(IReadOnlyDictionary<string, object> Key, string? Currency)
    {
        public Dictionary<LocalDate, Amount> Days { get; } = [];

        public bool IsPriced { get; set; }
    }

    /// <summary>The rows, and the month's bounds; null with all faults.</summary>
    /// <param name="parameters">Groups, filters and zone; the time is the month of <paramref name="now"/>.</param>
    public async Task<(List<ForecastRowView> Rows, DateTimeOffset From, DateTimeOffset To)?> RunAsync(UsageParameters parameters, Caller caller, DateTimeOffset now, List<string> faults, CancellationToken cancel)
    {
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(parameters.TimeZone ?? "UTC") ?? DateTimeZone.Utc;
        var today = Instant.FromDateTimeOffset(now).InZone(zone).Date;
        var first = new LocalDate(today.Year, today.Month, 1);
        var begin = LocalDate.Min(first, today.PlusDays(-CostForecast.Days));
        var given = parameters with { From = begin.ToString("uuuu-MM-dd", null), To = "now", Step = "day", Limit = null, Cursor = null };
        if (UsageQuery.From(given, caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, now, out var found) is not { } query)
        {
            faults.AddRange(found);
            return null;
        }

        var series = new Dictionary<(string, string?), Series>();
        var metered = new HashSet<LocalDate>();
        await foreach (var row in costs.StreamAsync(query, cancel))
        {
            var day = Instant.FromDateTimeOffset(row.Start).InZone(zone).Date;
            if (day < today) metered.Add(day);
            var id = (new Facet(row.Key).Order, row.Currency);
            if (!series.TryGetValue(id, out var one)) series[id] = one = new Series(row.Key, row.Currency);
            one.IsPriced |= row.Cost is not null;
            one.Days[day] = row.Cost ?? Amount.Zero;
        }

        var (start, next, end) = (Start(today), Start(today.PlusDays(1)), Start(first.PlusMonths(1)));
        var elapsed = Math.Clamp((decimal)(now.ToUnixTimeSeconds() - start) / (next - start), 0, 1);
        var rows = series.OrderBy(pair => pair.Key.Item1, StringComparer.Ordinal).ThenBy(pair => pair.Key.Item2, StringComparer.Ordinal).Select(pair => Row(pair.Value, metered, first, today, elapsed)).ToList();
        return (rows, DateTimeOffset.FromUnixTimeSeconds(Start(first)), DateTimeOffset.FromUnixTimeSeconds(end));

        long Start(LocalDate date) => date.AtStartOfDayInZone(zone).ToInstant().ToUnixTimeSeconds();
    }

    private static ForecastRowView Row(Series series, HashSet<LocalDate> metered, LocalDate first, LocalDate today, decimal elapsed)
    {
        if (!series.IsPriced) return new ForecastRowView(series.Key, series.Currency, null, null, "No price holds.");
        var (toDate, forecast) = CostForecast.Of(series.Days, metered, first, today, elapsed);
        return new ForecastRowView(series.Key, series.Currency, toDate, forecast, forecast is null ? $"Fewer than {CostForecast.Least} whole days with usage." : null);
    }
}
