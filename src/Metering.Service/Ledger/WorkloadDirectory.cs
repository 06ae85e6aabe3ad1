using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>
/// Finds the workload of a record. The identity bytes of a record are the same in every batch, so they are the key: no text is made for a workload that is known.
/// An agent names its workloads in the same order time after time, so each known one remembers which came after it: most records are found by one comparison of bytes.
/// Entries are only added after the transaction that gave them their id has committed.
/// </summary>
/// <param name="maxNew">Workloads that may be new of one host in one bucket; what comes beyond is one workload of that host, <see cref="OverBoundKind"/>.</param>
/// <param name="maxBytes">Bound of memory. By size and not by number: a tenant chooses how long its names are.</param>
internal sealed partial class WorkloadDirectory(int maxNew = LedgerOptions.DefaultMaxNewWorkloads, long maxBytes = 400L << 20)
{
    /// <summary>Kind and id of the workload that takes what a host names beyond the bound.</summary>
    public const string OverBoundKind = "over-bound";

    private const int BytesPerEntry = 480;

    private readonly Dictionary<Key, Known> _known = [];
    private readonly Dictionary<long, WorkloadEntry> _byId = [];
    private readonly Dictionary<(string Host, string Kind, string Key), WorkloadEntry> _byName = [];
    private readonly Dictionary<Key, Pending> _pending = [];
    private readonly Dictionary<(string Host, string Kind, string Key), WorkloadEntry> _pendingByName = [];
    private readonly NewNames _newNames = new(maxNew);
    private long _bytes;

    /// <summary>Estimate of the memory held, never much over the bound.</summary>
    public long Bytes => _bytes;

    /// <summary>Workloads without an id yet or with attributes not known before, met since <see cref="Settled"/>.</summary>
    public List<WorkloadEntry> Unsaved { get; } = [];

    /// <param name="previous">The record before this one in the batch; null at its start. Set to this one.</param>
    /// <param name="bucket">Start of the bucket that the record begins in, Unix seconds.</param>
    public WorkloadEntry Find(DecodedBatch batch, in DecodedRecord record, long bucket, ref Known? previous)
    {
        var identity = record.Scattered ? BatchDecoder.Identity(batch, record) : batch.Body[record.Identity];
        if (previous?.Follower is { } follower && identity.Span.SequenceEqual(follower.Identity) && follower.IsCurrent(bucket, record.Inode, batch.WindowEnd))
        {
            previous = follower;
            Annotate(follower, batch, record);
            return follower.Entry;
        }

        var key = new Key(batch.Host, identity);
        if (_known.TryGetValue(key, out var known) && known.IsCurrent(bucket, record.Inode, batch.WindowEnd))
        {
            if (previous is not null) previous.Follower = known;
            previous = known;
            Annotate(known, batch, record);
            return known.Entry;
        }

        previous = null;
        if (!_pending.TryGetValue(key, out var pending))
        {
            if (Meet(batch, record, bucket) is not { } met) return OverBound(batch, bucket);
            _pending[new Key(batch.Host, identity.ToArray())] = pending = met;
        }
        else if (!ReferenceEquals(pending.Entry.Said, pending.Seen) && pending.Entry.MaySayOtherwise(bucket, record.Inode, batch.WindowEnd))
        {
            pending.Seen = pending.Seen with { From = bucket };
            pending.Entry.Observed.Add(pending.Seen);
            pending.Entry.Say(pending.Seen, record.Inode, batch.WindowEnd);
        }

        Annotate(pending, batch, record);
        return pending.Entry;
    }

    /// <summary>The transaction has committed: what was found in it stays.</summary>
    public void Settled()
    {
        if (_bytes > maxBytes)
        {
            _known.Clear();
            _byId.Clear();
            _byName.Clear();
            _bytes = 0;
        }

        foreach (var entry in Unsaved)
        {
            entry.IsFresh = false;
            (entry.Stored, entry.StoredAvailability) = (null, null);
            entry.Observed.Clear();
            if (_byId.TryGetValue(entry.Id, out var known)) known.Adopt(entry);
            else _byName[(entry.Host, entry.Kind, entry.Key)] = _byId[entry.Id] = entry;
        }

        foreach (var (key, pending) in _pending)
        {
            var (shared, seen) = (_byId[pending.Entry.Id], pending.Seen);
            var bytes = key.Bytes;
            if (!_known.TryGetValue(key, out var former)) _bytes += bytes.Length + BytesPerEntry;
            _bytes += pending.Notes.Length - (former?.Notes.Length ?? 0);
            var isLatest = shared.Attributes.IsLatest(seen) || (ReferenceEquals(shared.Said, seen) && seen.From >= shared.Attributes.Latest.From);
            _known[key] = new Known(bytes, shared) { Revision = isLatest ? shared.Revision : -1, Notes = pending.Notes, NotesAt = pending.NotesAt };
        }

        foreach (var (known, former) in _undo) _bytes += known.Notes.Length - former.Notes.Length;
        _undo.Clear();
        _newNames.Settled();
        Clear();
    }

    /// <summary>The transaction was rolled back: ids given in it are void.</summary>
    public void Forget()
    {
        UndoNotes();
        _newNames.Forget();
        Clear();
    }

    private void Clear()
    {
        foreach (var entry in Unsaved)
        {
            if (_byName.TryGetValue((entry.Host, entry.Kind, entry.Key), out var known)) known.InFlight = null;
        }

        _pending.Clear();
        _pendingByName.Clear();
        _renoted.Clear();
        Unsaved.Clear();
    }

    public static void ResolveOwners(WorkloadEntry entry, LedgerSnapshot snapshot)
    {
        if (entry.OwnersRevision == snapshot.Revision) return;
        entry.Owners = snapshot.Rules.Resolve(entry.Host, entry.Kind, entry.Path, entry.Attributes);
        entry.OwnersRevision = snapshot.Revision;
    }

    // Null when the host has had its share of new names in this bucket.
    private Pending? Meet(DecodedBatch batch, in DecodedRecord record, long bucket)
    {
        var name = (batch.Host, BatchDecoder.Text(batch.Slice(record.Kind), 64), BatchDecoder.Text(batch.Slice(record.Id), 4096));

        // Nested instances of one workload, a re-created path or a late name come with other bytes and are the same workload.
        var isPending = _pendingByName.TryGetValue(name, out var entry);
        var isKnown = _byName.TryGetValue(name, out var known);
        if (!isPending && !isKnown && !_newNames.Take(batch.Host, bucket)) return null;
        var seen = new AttributeVersion(bucket, BatchDecoder.Text(batch.Slice(record.Name), 4096), BatchDecoder.Labels(batch, record));
        var path = BatchDecoder.Text(batch.Slice(record.Path), 4096);
        if (isPending)
        {
            entry!.Path = path;
            entry.Observed.Add(seen);
        }
        else
        {
            entry = new WorkloadEntry { Host = name.Host, Kind = name.Item2, Key = name.Item3, Path = path, Attributes = new AttributeHistory(name.Item3, seen) };
            _pendingByName[name] = entry;
            Unsaved.Add(entry);
        }

        if (isKnown) known!.InFlight = entry;
        entry.Say(seen, record.Inode, batch.WindowEnd);
        return new Pending(entry, seen);
    }

    private WorkloadEntry OverBound(DecodedBatch batch, long bucket)
    {
        batch.OverBound++;
        var name = (batch.Host, OverBoundKind, OverBoundKind);
        if (_byName.TryGetValue(name, out var entry) || _pendingByName.TryGetValue(name, out entry)) return entry;
        var seen = new AttributeVersion(bucket, OverBoundKind, new SortedDictionary<string, string>());
        entry = new WorkloadEntry { Host = batch.Host, Kind = OverBoundKind, Key = OverBoundKind, Path = "", Attributes = new AttributeHistory(OverBoundKind, seen) };
        _pendingByName[name] = entry;
        Unsaved.Add(entry);
        return entry;
    }

    /// <summary>A workload with an id, under the bytes that one host describes it with.</summary>
    internal sealed class Known(byte[] identity, WorkloadEntry entry)
    {
        public readonly byte[] Identity = identity;
        public readonly WorkloadEntry Entry = entry;

        /// <summary>What the same host named after it the last time.</summary>
        public Known? Follower;

        /// <summary>The entry's revision whose attributes these bytes describe; −1 when it has others.</summary>
        public int Revision;

        /// <summary>The bytes of its reserved labels as they last came, and the end of that window. They are no part of the identity: they are state and change often.</summary>
        public byte[] Notes = [];
        public long NotesAt;

        /// <summary>False when these bytes describe attributes that others have replaced since, and come again: a workload was renamed back.</summary>
        public bool IsCurrent(long bucket, ulong inode, long windowEnd) =>
            Entry.InFlight is { } later ? !later.MaySayOtherwise(bucket, inode, windowEnd) : Revision == Entry.Revision || !Entry.MaySayOtherwise(bucket, inode, windowEnd);
    }

    /// <summary>Bytes that were met in the transaction under way.</summary>
    private sealed class Pending(WorkloadEntry entry, AttributeVersion seen)
    {
        public readonly WorkloadEntry Entry = entry;
        public AttributeVersion Seen = seen;
        public byte[] Notes = [];
        public long NotesAt;
    }

    private readonly struct Key(string host, ReadOnlyMemory<byte> bytes) : IEquatable<Key>
    {
        private readonly string _host = host;
        private readonly ReadOnlyMemory<byte> _bytes = bytes;

        public byte[] Bytes => _bytes.ToArray();

        public bool Equals(Key other) => _bytes.Span.SequenceEqual(other._bytes.Span) && _host == other._host;

        public override bool Equals(object? obj) => obj is Key other && Equals(other);

        public override int GetHashCode()
        {
            // With the host: machines of one image have the same units under the same inodes.
            var hash = new HashCode();
            hash.Add(_host);
            hash.AddBytes(_bytes.Span);
            return hash.ToHashCode();
        }
    }
}
