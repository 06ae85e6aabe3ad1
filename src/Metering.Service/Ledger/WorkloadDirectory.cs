using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>
/// Finds the workload of a record. The identity bytes of a record are the same in every batch, so they are the key: no text is made for a workload that is known.
/// An agent names its workloads in the same order time after time, so each known one remembers which came after it: most records are found by one comparison of bytes.
/// Entries are only added after the transaction that gave them their id has committed.
/// </summary>
internal sealed class WorkloadDirectory
{
    // About 300 bytes each; beyond this the directory starts anew and ids are asked for again.
    private const int MaxEntries = 1_000_000;

    private readonly Dictionary<Key, Known> _known = [];
    private readonly Dictionary<Key, WorkloadEntry> _pending = [];
    private readonly Dictionary<(string, string, string), WorkloadEntry> _pendingByName = [];

    /// <summary>Workloads without an id yet, met since <see cref="Settled"/>.</summary>
    public List<WorkloadEntry> Unsaved { get; } = [];

    /// <param name="previous">The record before this one in the batch; null at its start. Set to this one.</param>
    public WorkloadEntry Find(DecodedBatch batch, in DecodedRecord record, ref Known? previous)
    {
        var range = record.Scattered ? record.Whole : record.Identity;
        if (previous?.Follower is { } follower && batch.Slice(range).SequenceEqual(follower.Identity))
        {
            previous = follower;
            return follower.Entry;
        }

        var key = new Key(batch.Host, batch.Body[range]);
        if (_known.TryGetValue(key, out var known))
        {
            if (previous is not null) previous.Follower = known;
            previous = known;
            return known.Entry;
        }

        previous = null;
        if (_pending.TryGetValue(key, out var entry)) return entry;
        var fresh = new WorkloadEntry
        {
            Host = batch.Host,
            Kind = BatchDecoder.Text(batch.Slice(record.Kind), 64),
            Key = BatchDecoder.Text(batch.Slice(record.Id), 4096),
            Name = BatchDecoder.Text(batch.Slice(record.Name), 4096),
            Path = BatchDecoder.Text(batch.Slice(record.Path), 4096),
            Labels = BatchDecoder.Labels(batch, record),
        };

        // Nested instances of one workload, or a re-created path, come with other bytes and are the same workload.
        var name = (fresh.Host, fresh.Kind, fresh.Key);
        if (_pendingByName.TryGetValue(name, out var same)) fresh = same;
        else
        {
            _pendingByName[name] = fresh;
            Unsaved.Add(fresh);
        }

        _pending[new Key(batch.Host, batch.Body[range].ToArray())] = fresh;
        return fresh;
    }

    /// <summary>The transaction has committed: what was found in it stays.</summary>
    public void Settled()
    {
        if (_known.Count + _pending.Count > MaxEntries) _known.Clear();
        foreach (var (key, entry) in _pending) _known[key] = new Known(key.Bytes, entry);
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
        entry.Owners = snapshot.Rules.Resolve(entry.Host, entry.Kind, entry.Name, entry.Path, entry.Labels);
        entry.OwnersRevision = snapshot.Revision;
    }

    /// <summary>A workload with an id, under the bytes that one host describes it with.</summary>
    internal sealed class Known(byte[] identity, WorkloadEntry entry)
    {
        public readonly byte[] Identity = identity;
        public readonly WorkloadEntry Entry = entry;

        /// <summary>What the same host named after it the last time.</summary>
        public Known? Follower;
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
