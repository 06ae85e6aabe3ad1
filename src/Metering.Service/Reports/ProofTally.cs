using Metering.Messages;
using Metering.Meters;

namespace Metering.Service.Reports;

/// <summary>The running sums of a proof, over the batches of one epoch in their order.</summary>
internal sealed class ProofTally(string path)
{
    private readonly string _below = path == "/" ? "/" : path + "/";
    private readonly HashSet<ulong> _inodesBelow = [];
    private readonly HashSet<ulong> _ofEarlierInstance = [];
    private readonly Dictionary<string, ulong> _heldBelow = new(StringComparer.Ordinal);
    private string _boot = "";
    private ulong? _inode;
    private ulong? _before;
    private ulong _billed;
    private bool _ended;
    private ParentView? _parent;
    private ParentView? _above;
    private ulong _held;

    public string Path => path;

    /// <summary>The path of the cgroup above; the root's own, for what has no other.</summary>
    public string PathAbove { get; } = path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/";

    /// <summary>Adds a batch.</summary>
    public void Add(UsageBatch batch)
    {
        var end = batch.WindowEnd.ToDateTimeOffset();
        foreach (var record in batch.Workloads)
        {
            if (record.Path == path) AddOwn(batch.BootId, record);
        }

        foreach (var record in batch.Workloads)
        {
            if (record.Path != path && record.Path.StartsWith(_below, StringComparison.Ordinal)) AddBelow(record);
        }

        foreach (var parent in batch.Parents)
        {
            if (parent.Path == path)
            {
                if (_inode is null || _inode == parent.Inode)
                {
                    _held = Held(parent.Before, parent.Own, parent.Below, parent.Held);
                    _parent = View(parent, end);
                }
            }
            else if (parent.Path == PathAbove)
            {
                _above = View(parent, end);
            }
            else if (parent.Path.StartsWith(_below, StringComparison.Ordinal))
            {
                _heldBelow[parent.Path] = Held(parent.Before, parent.Own, parent.Below, parent.Held);
            }
        }
    }

    /// <summary>Null when the path was never named.</summary>
    /// <param name="expiredThrough">End of the last window before the first batch; null: no batch is missing.</param>
    public ProofView? View(string host, DateTimeOffset lastWindowEnd, DateTimeOffset? expiredThrough = null)
    {
        if (_inode is not { } inode) return null;
        var held = _ended ? 0 : _held + _heldBelow.Values.Aggregate(0UL, static (sum, value) => sum + value);
        return new ProofView(host, path, inode, (long)(_before ?? 0), (long)_billed, (long)held, lastWindowEnd, _ended, _parent, _above, IsWhole ? null : expiredThrough);
    }

    // What has no children and is counted from zero has nothing before that. A parent may have been silent while its children were billed.
    private bool IsWhole => _before == 0 && _parent is null && _inodesBelow.Count == 0;

    // Another inode, or another boot, at the path is another instance: what was said before is about one that is gone.
    private void AddOwn(string boot, WorkloadUsage record)
    {
        if (_inode != record.Inode || _boot != boot)
        {
            if (_inode is not null && record.Final && _boot == boot) return;
            if (_boot != boot) _ofEarlierInstance.Clear();
            else _ofEarlierInstance.UnionWith(_inodesBelow);
            _inodesBelow.Clear();
            _heldBelow.Clear();
            (_inode, _boot, _before, _billed, _held, _parent) = (record.Inode, boot, null, 0, 0, null);
        }

        _ended = record.Final;
        foreach (var reading in record.Meters)
        {
            if (!IsCpu(reading)) continue;
            _before ??= reading.Start;
            _billed += reading.Quantity;

            // Once its children have ended, a cgroup publishes what was held back for them, and speaks as a parent no more.
            _held -= Math.Min(_held, reading.Quantity);
        }
    }

    private void AddBelow(WorkloadUsage record)
    {
        if (_ofEarlierInstance.Contains(record.Inode)) return;
        _inodesBelow.Add(record.Inode);
        if (record.Final) _heldBelow.Remove(record.Path);
        foreach (var reading in record.Meters)
        {
            if (!IsCpu(reading)) continue;
            _billed += reading.Quantity;
            Release(record.Path, reading.Quantity);

            // What was given to it at its end is of the cgroup above, and of what that one held back first; if it still has children, its sandwich says anew what it holds.
            if (record.Origin is Origin.Settled or Origin.Estimated) Release(record.Path[..Math.Max(record.Path.LastIndexOf('/'), 1)], reading.Quantity);
        }
    }

    private void Release(string of, ulong microseconds)
    {
        if (of == path) _held -= Math.Min(_held, microseconds);
        else if (_heldBelow.TryGetValue(of, out var held)) _heldBelow[of] = held - Math.Min(held, microseconds);
    }

    // Up to 1 µs per live child may be held back; what really is, is what the reading has over what was published.
    private static ulong Held(ulong before, ulong own, ulong below, ulong held) => before > own + below ? Math.Min(before - own - below, held) : 0;

    private static ParentView View(Parent row, DateTimeOffset end) => new(row.Before, row.After, row.Own, row.Below, row.Held, end);

    private static bool IsCpu(MeterReading reading) => reading.Meter == MeterCatalogue.Cpu.Wire || reading.Meter == MeterCatalogue.Cpu.Name;
}
