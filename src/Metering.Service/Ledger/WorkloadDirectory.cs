using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>
/// Finds the workload of a record. The identity bytes of a record are the same in every batch, so they are the key: no text is made for a workload that is known.
/// An agent names its workloads in the same order time after time, so each known one remembers which came after it: most records are found by one comparison of bytes.
/// Entries are only added after the transaction that gave them their id has committed.
/// </summary>
internal sealed class WorkloadDirectory
{
    // Beyond this the directory starts anew and ids are asked for again. By size and not by number: a tenant chooses how long its names are.
    private const long DefaultMaxBytes = 400L << 20;
    private const int BytesPerEntry = 400;

    private readonly long _maxBytes;
    private readonly Dictionary<Key, Known> _known = [];
    private readonly Dictionary<long, WorkloadEntry> _byId = [];
    private readonly Dictionary<Key, (WorkloadEntry Entry, AttributeVersion Seen)> _pending = [];
    private readonly Dictionary<(string, string, string), WorkloadEntry> _pendingByName = [];
    private long _bytes;

    public WorkloadDirectory(long maxBytes = DefaultMaxBytes) => _maxBytes = maxBytes;

    /// <summary>Estimate of the memory held, never much over the bound.</summary>
    public long Bytes => _bytes;

    /// <summary>Workloads without an id yet or with attributes not known before, met since <see cref="Settled"/>.</summary>
    public List<WorkloadEntry> Unsaved { get; } = [];

    /// <param name="previous">The record before this one in the batch; null at its start. Set to this one.</param>
    /// <param name="bucket">Start of the bucket that the record begins in, Unix seconds.</param>
    public WorkloadEntry Find(DecodedBatch batch, in DecodedRecord record, long bucket, ref Known? previous)
    {
        var range = record.Scattered ? record.Whole : record.Identity;
        if (previous?.Follower is { } follower && batch.Slice(range).SequenceEqual(follower.Identity) && follower.IsCurrent(bucket))
        {
            previous = follower;
            return follower.Entry;
        }

        var key = new Key(batch.Host, batch.Body[range]);
        if (_known.TryGetValue(key, out var known) && known.IsCurrent(bucket))
        {
            if (previous is not null) previous.Follower = known;
            previous = known;
            return known.Entry;
        }

        previous = null;
        if (_pending.TryGetValue(key, out var pending)) return pending.Entry;
        var seen = new AttributeVersion(bucket, BatchDecoder.Text(batch.Slice(record.Name), 4096), BatchDecoder.Labels(batch, record));
        var name = (batch.Host, BatchDecoder.Text(batch.Slice(record.Kind), 64), BatchDecoder.Text(batch.Slice(record.Id), 4096));
        var path = BatchDecoder.Text(batch.Slice(record.Path), 4096);

        // Nested instances of one workload, a re-created path or a late name come with other bytes and are the same workload.
        if (_pendingByName.TryGetValue(name, out var entry))
        {
            entry.Path = path;
            entry.Observed.Add(seen);
        }
        else
        {
            entry = new WorkloadEntry { Host = name.Host, Kind = name.Item2, Key = name.Item3, Path = path, Attributes = new AttributeHistory(name.Item3, seen) };
            _pendingByName[name] = entry;
            Unsaved.Add(entry);
        }

        _pending[new Key(batch.Host, batch.Body[range].ToArray())] = (entry, seen);
        return entry;
    }

    /// <summary>The transaction has committed: what was found in it stays.</summary>
    public void Settled()
    {
        if (_bytes > _maxBytes)
        {
            _known.Clear();
            _byId.Clear();
            _bytes = 0;
        }

        foreach (var entry in Unsaved)
        {
            entry.IsFresh = false;
            entry.Stored = null;
            entry.Observed.Clear();
            if (_byId.TryGetValue(entry.Id, out var known)) known.Adopt(entry);
            else _byId[entry.Id] = entry;
        }

        foreach (var (key, (entry, seen)) in _pending)
        {
            var shared = _byId[entry.Id];
            var bytes = key.Bytes;
            if (!_known.ContainsKey(key)) _bytes += bytes.Length + BytesPerEntry;
            _known[key] = new Known(bytes, shared) { Revision = shared.Attributes.IsLatest(seen) ? shared.Revision : -1 };
        }

        Forget();
    }

    /// <summary>The transaction was rolled back: ids given in it are void.</summary>
    public void Forget()
    {
        _pending.Clear();
        _pendingByName.Clear();
        Unsaved.Clear();
    }

    public static void ResolveOwners(WorkloadEntry entry, LedgerSnapshot snapshot)
    {
        if (entry.OwnersRevision == snapshot.Revision) return;
        entry.Owners = snapshot.Rules.Resolve(entry.Host, entry.Kind, entry.Path, entry.Attributes);
        entry.OwnersRevision = snapshot.Revision;
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

        /// <summary>False when these bytes describe attributes that others have replaced since, and come again in a later bucket: a workload was renamed back.</summary>
        public bool IsCurrent(long bucket) => Revision == Entry.Revision || bucket <= Entry.Attributes.Latest.From;
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
