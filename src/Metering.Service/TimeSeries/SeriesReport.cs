using Metering.Service.Ledger;

namespace Metering.Service.TimeSeries;

/// <summary>Reads how far the series are.</summary>
internal sealed class SeriesReport(LedgerStore store, SeriesState state, TimeSeriesOptions? options = null, SeriesTarget? target = null)
{
    public async Task<SeriesView> ShowAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT (SELECT COUNT(*) FROM series_parked), (SELECT CAST(COALESCE(SUM(a.last_sequence - COALESCE(c.written, 0)), 0) AS bigint) FROM agent a LEFT JOIN series_cursor c ON c.agent = a.id)";
        await using var rows = await command.ExecuteReaderAsync(cancel);
        await rows.ReadAsync(cancel);
        var parked = rows.GetInt64(0);
        if (options is null) return new SeriesView("off", null, null, null, null, null, 0, null, 0, parked);
        var (trouble, since) = state.Trouble;
        return new SeriesView(trouble is null ? "writing" : "waiting", options.Url.ToString(), options.Database, target?.Api?.Name, trouble, since, rows.GetInt64(1), state.CurrentAt, state.Written, parked);
    }
}
