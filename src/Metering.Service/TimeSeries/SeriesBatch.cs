namespace Metering.Service.TimeSeries;

/// <summary>A batch as it is stored.</summary>
/// <param name="ReceivedAt">When its transaction began, Unix microseconds.</param>
internal sealed record SeriesBatch(long Sequence, long ReceivedAt, byte[] Bytes);
