namespace Metering.Service.TimeSeries;

/// <summary>Some batches of an agent, and its cursor when they are written.</summary>
internal sealed record SeriesPiece(SeriesAgent Agent, IReadOnlyList<SeriesBatch> Batches, SeriesCursor Next);
