namespace Metering.Service.TimeSeries;

/// <summary>An agent with batches that are not in the time series, as a view of the ledger has it.</summary>
/// <param name="IsStored">Its cursor has a row; one that has none is at the start.</param>
internal sealed record SeriesAgent(long Id, string Host, long Committed, long Last, SeriesCursor Cursor, bool IsStored);
