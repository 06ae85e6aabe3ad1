namespace Metering.Service.TimeSeries;

/// <summary>How far a rebuild is; the last one has <paramref name="Done"/>.</summary>
/// <param name="Expired">Batches whose bytes are no longer kept: their points can not be made again.</param>
/// <param name="Waits">What keeps it from going on; null while it does.</param>
internal sealed record RebuildEvent(long Batches, long Total, long Points, long Parked, long Expired, string? Waits, bool Done);
