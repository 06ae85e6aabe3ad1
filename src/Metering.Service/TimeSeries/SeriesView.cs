namespace Metering.Service.TimeSeries;

/// <summary>How it goes with the time series.</summary>
/// <param name="State"><c>off</c> without TimeSeries:Url, <c>waiting</c> while the server takes nothing, else <c>writing</c>.</param>
/// <param name="Api">What the server was found to be; null before the first write.</param>
/// <param name="Trouble">What keeps points from being written, in the server's words.</param>
/// <param name="BehindBatches">Batches in the ledger and not in the series.</param>
/// <param name="PointsWritten">Since the start of the service.</param>
/// <param name="Parked">Lines that the server refused.</param>
internal sealed record SeriesView(
    string State, string? Url, string? Database, string? Api, string? Trouble, DateTimeOffset? TroubleSince, long BehindBatches, DateTimeOffset? CurrentAt, long PointsWritten, long Parked);
