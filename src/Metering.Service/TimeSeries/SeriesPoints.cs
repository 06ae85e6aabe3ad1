using System.Runtime.InteropServices;
using Metering.LineProtocol;
using Metering.Meters;
using Metering.Service.Ingest;
using Metering.Service.Ledger;

namespace Metering.Service.TimeSeries;

/// <summary>
/// The points of a batch, from the stored record and the ledger's owners only: written again they are the same, and a server overwrites one by the other.
/// <list type="bullet">
/// <item><c>metering_usage</c>, tags <c>host, id, kind, project, tenant, workload</c>: what a workload used in the window, a field per meter named as the column of table <c>usage</c>, integers in base units.
/// A window across buckets is split as the ledger splits it, so that sums over buckets are the ledger's.</item>
/// <item><c>metering_host</c>, tag <c>host</c>: <c>covered_us, expected_us, cpus, memory_bytes, conservation_failures, records, batch_bytes, delay_us</c> (end of the window to the ledger).</item>
/// </list>
/// The time is the start of the window. A pass of a large host is several batches, and a workload may be in two of them: the last three digits of the batch's number stand in the nanoseconds, so that
/// one never takes the place of the other.
/// </summary>
internal sealed class SeriesPoints
{
    public const string Usage = "metering_usage", Host = "metering_host";

    private static readonly Meter[] Meters = [.. MeterCatalogue.All];

    private readonly DecodedBatch _batch;
    private readonly BucketSplit.Part[] _parts;
    private readonly Dictionary<(string Kind, string Id), (string Name, SeriesPoint[] Parts)> _workloads = [];

    public SeriesPoints(DecodedBatch batch, LedgerGrain grain)
    {
        _batch = batch;
        _parts = BucketSplit.Of(batch.WindowStart, batch.WindowEnd, grain);
        foreach (ref readonly var record in CollectionsMarshal.AsSpan(batch.Records))
        {
            // A record without readings only tells a name.
            if (record.ReadingCount > 0) Add(record);
        }
    }

    /// <summary>Kind and id of all workloads, as the ledger has them.</summary>
    public IEnumerable<(string Kind, string Id)> Workloads => _workloads.Keys;

    public void Write(LineBuffer lines, SeriesOwners owners, long receivedAt)
    {
        var beyond = new SeriesPoint?[_parts.Length];
        foreach (var ((kind, id), (name, parts)) in _workloads)
        {
            for (var i = 0; i < parts.Length; i++)
            {
                if (owners.At(kind, id, _parts[i].Bucket) is { } owner)
                {
                    WriteUsage(lines, i, kind, id, name, owner, parts[i]);
                    continue;
                }

                // Billed to one workload of the host, and shown as that.
                var sum = beyond[i] ??= new SeriesPoint();
                foreach (var (meter, quantity) in parts[i].Quantities) sum.Add(meter, quantity);
            }
        }

        const string OverBound = WorkloadDirectory.OverBoundKind;
        for (var i = 0; i < beyond.Length; i++)
        {
            if (beyond[i] is { } sum) WriteUsage(lines, i, OverBound, OverBound, OverBound, owners.At(OverBound, OverBound, _parts[i].Bucket) ?? Tenants.OwnedInterval.Unattributed, sum);
        }

        WriteHost(lines, receivedAt);
    }

    private void Add(in DecodedRecord record)
    {
        var key = (BatchDecoder.Text(_batch.Slice(record.Kind), 64), BatchDecoder.Text(_batch.Slice(record.Id), 4096));
        if (!_workloads.TryGetValue(key, out var workload))
        {
            var name = BatchDecoder.Text(_batch.Slice(record.Name), 4096);
            var parts = new SeriesPoint[_parts.Length];
            for (var i = 0; i < parts.Length; i++) parts[i] = new SeriesPoint();
            _workloads[key] = workload = (name.Length > 0 ? name : key.Item2, parts);
        }

        foreach (ref readonly var reading in CollectionsMarshal.AsSpan(_batch.Readings).Slice(record.FirstReading, record.ReadingCount))
        {
            var meter = Meters[reading.Meter];
            for (var i = 0; i < _parts.Length; i++) workload.Parts[i].Add(meter, meter.Kind == MeterKind.Peak ? reading.Quantity : _parts[i].Share(reading.Quantity));
        }
    }

    private void WriteUsage(LineBuffer lines, int part, string kind, string id, string name, Tenants.OwnedInterval owner, SeriesPoint point)
    {
        lines.Begin(Usage);
        lines.Tag("host", _batch.Host);
        lines.Tag("id", id);
        lines.Tag("kind", kind);
        lines.Tag("project", owner.Project);
        lines.Tag("tenant", owner.Tenant);
        lines.Tag("workload", name);
        foreach (var (meter, quantity) in point.Quantities) lines.Field(meter.Column, quantity);
        lines.End(Time(Math.Max(_batch.WindowStart, _parts[part].Bucket * 1_000_000)));
    }

    private void WriteHost(LineBuffer lines, long receivedAt)
    {
        lines.Begin(Host);
        lines.Tag("host", _batch.Host);
        lines.Field("batch_bytes", _batch.Body.Length);
        lines.Field("conservation_failures", _batch.ConservationFailures);
        if (_batch.ExpectedMicroseconds > 0)
        {
            lines.Field("covered_us", Bounded(_batch.CoveredMicroseconds));
            lines.Field("expected_us", Bounded(_batch.ExpectedMicroseconds));
        }

        if (_batch.Cpus > 0) lines.Field("cpus", _batch.Cpus);
        lines.Field("delay_us", receivedAt - _batch.WindowEnd);
        if (_batch.MemoryBytes > 0) lines.Field("memory_bytes", Bounded(_batch.MemoryBytes));
        lines.Field("records", _batch.Records.Count);
        lines.End(Time(_batch.WindowStart));
    }

    private long Time(long microseconds) => microseconds * 1000 + (long)(_batch.Sequence % 1000);

    private static long Bounded(ulong value) => (long)Math.Min(value, long.MaxValue);
}
