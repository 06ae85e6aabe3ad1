using Metering.LineProtocol;
using Metering.Service.Ingest;
using Metering.Service.Ledger;

namespace Metering.Service.TimeSeries;

/// <summary>The lines of stored batches of one host.</summary>
internal static class SeriesLines
{
    public static async Task WriteAsync(LineBuffer lines, LedgerTransaction view, string host, IReadOnlyList<SeriesBatch> batches, LedgerGrain grain, DateTimeOffset now, CancellationToken cancel)
    {
        var points = new List<(SeriesPoints Points, long ReceivedAt)>();
        foreach (var batch in batches)
        {
            // It was good when it came in; bytes that were damaged since are what 'verify' finds.
            var decoded = BatchDecoder.Decode(batch.Bytes, now, out var fault);
            if (fault is null) points.Add((new SeriesPoints(decoded, grain), batch.ReceivedAt));
        }

        if (points.Count == 0) return;
        var owners = await SeriesOwners.LoadAsync(view, host, points.SelectMany(one => one.Points.Workloads), cancel);
        foreach (var (one, receivedAt) in points) one.Write(lines, owners, receivedAt);
    }
}
