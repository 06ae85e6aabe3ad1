using System.Buffers;
using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Reports;

/// <summary>Adds up one tenant's part of a day under way. State: the entries of the part.</summary>
internal sealed class PartBuilder(string tenant)
{
    private sealed class Entry(long workload, OwnedInterval owner, long until, long since)
    {
        public long Workload { get; } = workload;

        public OwnedInterval Owner { get; } = owner;

        /// <summary>Up to here its labels are the same, Unix seconds.</summary>
        public long Until { get; } = until;

        public long Since { get; } = since;

        public long Rows, Estimated, Unscraped;

        public int Known;

        public Int128[] Sums { get; } = new Int128[MeterCatalogue.All.Count];

        public SortedList<int, Int128> Charges { get; } = [];
    }

    private readonly Dictionary<long, Entry> _latest = [];
    private readonly List<Entry> _entries = [];
    private readonly List<(PriceLine Line, int Tier)> _lines = [];
    private readonly List<Int128> _bases = [];
    private string _state = "";
    private long _from, _to;

    /// <summary>The window that the part lies in; -1: there is none yet.</summary>
    public long Window { get; private set; } = -1;

    /// <summary>Begins a part; the rater has entered the bucket and rated nothing of it.</summary>
    public void Begin(TenantRater rater, long bucket) => (Window, _from, _state) = (RollupPart.WindowOf(bucket), bucket, rater.State());

    /// <param name="until">Where the workload gets other labels, Unix seconds.</param>
    /// <param name="charges">Of the row.</param>
    public void Add(long bucket, long end, long workload, OwnedInterval owner, long until, long estimated, ReadOnlySpan<long> values, int known, List<Charge> charges)
    {
        _to = end;
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_latest, workload, out _);
        if (entry is null || !ReferenceEquals(entry.Owner, owner) || bucket >= entry.Until) _entries.Add(entry = new Entry(workload, owner, until, bucket));
        (entry.Rows, entry.Estimated, entry.Unscraped, entry.Known) = (entry.Rows + 1, entry.Estimated + estimated, entry.Unscraped + values[UsageStream.Unscraped], entry.Known | known);
        for (var i = 0; i < entry.Sums.Length; i++)
        {
            if (values[i] != 0) entry.Sums[i] = MeterCatalogue.All[i].Kind == MeterKind.Peak ? Int128.Max(entry.Sums[i], values[i]) : entry.Sums[i] + values[i];
        }

        foreach (ref readonly var charge in CollectionsMarshal.AsSpan(charges))
        {
            var line = LineOf(charge);
            entry.Charges[line] = entry.Charges.GetValueOrDefault(line) + charge.Nano;
        }
    }

    /// <summary>The part as it is kept; null: nothing was used. Another one can begin.</summary>
    public RollupPart? End()
    {
        if (_entries.Count == 0) return null;
        _entries.Sort((a, b) => a.Workload != b.Workload ? a.Workload.CompareTo(b.Workload) : a.Since.CompareTo(b.Since));
        var lines = new List<PartLine>();
        for (var i = 0; i < _lines.Count; i++) lines.Add(new PartLine(_lines[i].Line.Book, _lines[i].Line.Version, _lines[i].Line.Sku, _lines[i].Tier, _bases[i]));
        var part = new RollupPart(tenant, _from, _to, _state, lines, Charged(), Used());
        _latest.Clear();
        _entries.Clear();
        _lines.Clear();
        _bases.Clear();
        Window = -1;
        return part;
    }

    // What a row counts is on its first charge; of a SKU it is kept on the first line.
    private int LineOf(in Charge charge)
    {
        var (index, first) = (-1, -1);
        for (var i = 0; i < _lines.Count; i++)
        {
            if (!ReferenceEquals(_lines[i].Line, charge.Line)) continue;
            if (first < 0) first = i;
            if (_lines[i].Tier == charge.Tier) index = i;
        }

        if (index < 0)
        {
            index = _lines.Count;
            _lines.Add((charge.Line, charge.Tier));
            _bases.Add(0);
        }

        _bases[first < 0 ? index : first] += charge.Base;
        return index;
    }

    private byte[] Charged()
    {
        var (bytes, before) = (new ArrayBufferWriter<byte>(), 0L);
        foreach (var entry in _entries)
        {
            PartCharges.Write(bytes, entry.Workload - before, entry.Since - _from, entry.Charges);
            before = entry.Workload;
        }

        return bytes.WrittenSpan.ToArray();
    }

    private byte[] Used()
    {
        var (bytes, column, before) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>(), 0L);
        PartUsage.Begin(bytes, _entries.Count);
        Column(PartUsage.Workloads, entry =>
        {
            var step = entry.Workload - before;
            before = entry.Workload;
            return (UInt128)step;
        });
        Column(PartUsage.Since, entry => (UInt128)((entry.Since - _from) / PartCharges.Unit));
        Column(PartUsage.Rows, entry => (UInt128)entry.Rows);
        Column(PartUsage.Estimated, entry => (UInt128)entry.Estimated);
        Column(PartUsage.Unscraped, entry => (UInt128)entry.Unscraped);
        foreach (var meter in MeterCatalogue.All)
        {
            if (_entries.Exists(entry => (entry.Known >> meter.Index & 1) != 0)) Column(meter.Column, entry => (entry.Known >> meter.Index & 1) == 0 ? 0 : (UInt128)entry.Sums[meter.Index] + 1);
        }

        return bytes.WrittenSpan.ToArray();

        void Column(string name, Func<Entry, UInt128> value)
        {
            column.ResetWrittenCount();
            foreach (var entry in _entries) PackedNumbers.Write(column, value(entry));
            PartUsage.Write(bytes, name, column.WrittenSpan);
        }
    }
}
