using Metering.Meters;
using Metering.Service.Ingest;

namespace Metering.Service.Live;

/// <summary>One host's last windows, added up by workload.</summary>
internal sealed class LiveSums(long lastEnd, long firstWindow)
{
    /// <summary>Rates are over the windows that end within so much of the newest one's end: the last one, or some seconds of short ones.</summary>
    public const long RateMicroseconds = 5_000_000;

    /// <summary>Levels that stand still are read, and billed, only once a minute.</summary>
    public const long LevelMicroseconds = 60_000_000;

    private readonly Dictionary<(string Kind, string Id), Sum> _sums = [];
    private readonly Dictionary<string, (long End, long Held)> _held = new(StringComparer.Ordinal);
    private long _rateFrom = long.MaxValue;
    private long _levelFrom = lastEnd - LevelMicroseconds;

    internal sealed class Sum
    {
        public string Name = "";
        public string Path = "";
        public readonly long[] Recent = new long[MeterCatalogue.All.Count];
        public readonly long[] Minute = new long[MeterCatalogue.All.Count];
        public int Known;
        public long Born = long.MinValue;
    }

    public IReadOnlyDictionary<(string Kind, string Id), Sum> Workloads => _sums;

    public decimal RateSeconds => Math.Max(lastEnd - Math.Min(_rateFrom, lastEnd), 1) / 1_000_000m;

    public long Held => _held.Values.Sum(static entry => entry.Held);

    /// <summary>Adds a batch whose window ends within the last minute.</summary>
    public void Add(DecodedBatch batch, Messages.UsageBatch? parents)
    {
        var recent = batch.WindowEnd > lastEnd - RateMicroseconds;
        if (recent) _rateFrom = Math.Min(_rateFrom, batch.WindowStart);

        // What was merged while the way was blocked is one long window, and so are long intervals: their quantity is that of all of it.
        _levelFrom = Math.Min(_levelFrom, batch.WindowStart);
        foreach (var record in batch.Records) Add(batch, record, recent);
        foreach (var parent in parents?.Parents ?? [])
        {
            if (_held.TryGetValue(parent.Path, out var known) && known.End > batch.WindowEnd) continue;
            var published = parent.Own + parent.Below;
            _held[parent.Path] = (batch.WindowEnd, parent.Before > published ? (long)Math.Min(parent.Before - published, parent.Held) : 0);
        }
    }

    /// <summary>Base units per second; null when nobody knows it.</summary>
    public decimal? Rate(Sum sum, Meter meter)
    {
        if ((sum.Known & (1 << meter.Index)) == 0) return null;
        if (meter.Family is not (MeterFamily.Memory or MeterFamily.HugePages or MeterFamily.Reservation)) return sum.Recent[meter.Index] / RateSeconds;
        var from = Math.Max(Math.Max(_levelFrom, firstWindow), sum.Born);
        return sum.Minute[meter.Index] / (Math.Max(lastEnd - from, 1_000) / 1_000_000m);
    }

    private void Add(DecodedBatch batch, in DecodedRecord record, bool recent)
    {
        var key = (BatchDecoder.Text(batch.Slice(record.Kind), 64), BatchDecoder.Text(batch.Slice(record.Id), 4096));
        if (!_sums.TryGetValue(key, out var sum))
            _sums[key] = sum = new Sum { Name = BatchDecoder.Text(batch.Slice(record.Name), 4096), Path = BatchDecoder.Text(batch.Slice(record.Path), 4096) };
        if (record.FromZero) sum.Born = Math.Max(sum.Born, batch.WindowStart);
        for (var i = record.FirstReading; i < record.FirstReading + record.ReadingCount; i++)
        {
            var reading = batch.Readings[i];
            if (MeterCatalogue.All[reading.Meter].Kind == MeterKind.Peak) continue;
            sum.Known |= 1 << reading.Meter;
            sum.Minute[reading.Meter] += reading.Quantity;
            if (recent) sum.Recent[reading.Meter] += reading.Quantity;
        }
    }
}
