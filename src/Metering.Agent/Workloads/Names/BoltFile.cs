using System.Buffers.Binary;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Reads a bbolt database (go.etcd.io/bbolt, page.go, bucket.go) that was taken into memory: a B+ tree of buckets. The file may be a tenant's or have been written to meanwhile, so that every
/// offset is checked, depth and the number of entries are bounded, and what does not fit is not there.
/// </summary>
internal sealed class BoltFile
{
    private const uint Magic = 0xED0CDAED;
    private const int HeaderLength = 16, ElementLength = 16, MaxDepth = 32, MaxEntries = 500_000;
    private const ushort BranchPage = 1, LeafPage = 2;
    private readonly byte[] _bytes;
    private readonly long _pageLength;
    private int _entries;

    private BoltFile(byte[] bytes, long pageLength, Bucket root) => (_bytes, _pageLength, Root) = (bytes, pageLength, root);

    public Bucket Root { get; }

    /// <summary>Null when it is no such database.</summary>
    public static BoltFile? TryOpen(byte[] bytes)
    {
        // Two meta pages, the newer of which holds; the second lies a page in, whose length is that of the system that made the file.
        (ulong Transaction, long PageLength, Bucket Root)? newest = null;
        foreach (var at in (int[])[0, 4096, 8192, 16384, 65536])
        {
            if (bytes.Length < at + HeaderLength + 64) break;
            var meta = bytes.AsSpan(at + HeaderLength);
            if (BinaryPrimitives.ReadUInt32LittleEndian(meta) != Magic) continue;
            var (pageLength, transaction) = (BinaryPrimitives.ReadUInt32LittleEndian(meta[8..]), BinaryPrimitives.ReadUInt64LittleEndian(meta[48..]));
            if (pageLength is < 1024 or > 65536 || (newest is { } known && known.Transaction >= transaction)) continue;
            newest = (transaction, pageLength, new Bucket(BinaryPrimitives.ReadUInt64LittleEndian(meta[16..]), 0));
        }

        return newest is { } found ? new BoltFile(bytes, found.PageLength, found.Root) : null;
    }

    /// <summary>Keys and where their values lie.</summary>
    public IEnumerable<Entry> Entries(Bucket bucket) => bucket.Inline > 0 ? Page(bucket.Inline, MaxDepth) : Page(Offset(bucket.Page), 0);

    public Entry? Find(Bucket bucket, ReadOnlySpan<byte> key)
    {
        foreach (var entry in Entries(bucket))
        {
            if (Key(entry).SequenceEqual(key)) return entry;
        }

        return null;
    }

    public ReadOnlySpan<byte> Key(Entry entry) => _bytes.AsSpan(entry.Key, entry.KeyLength);

    public ReadOnlyMemory<byte> Value(Entry entry) => _bytes.AsMemory(entry.Key + entry.KeyLength, entry.ValueLength);

    /// <summary>The bucket that an entry is; null when it is a value. A small one lies in its entry.</summary>
    public Bucket? AsBucket(Entry entry)
    {
        if (!entry.IsBucket || entry.ValueLength < 16) return null;
        var value = entry.Key + entry.KeyLength;
        var page = BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(value));
        return new Bucket(page, page == 0 ? value + 16 : 0);
    }

    private long Offset(ulong page) => page > (ulong)_bytes.Length ? -1 : (long)page * _pageLength;

    private IEnumerable<Entry> Page(long at, int depth)
    {
        if (at < 0 || at + HeaderLength > _bytes.Length || depth > MaxDepth) yield break;
        var (flags, count) = (Short(at + 8), Short(at + 10));
        for (var i = 0; i < count; i++)
        {
            var element = at + HeaderLength + ((long)i * ElementLength);
            if (element + ElementLength > _bytes.Length || ++_entries > MaxEntries) yield break;
            if (flags == LeafPage)
            {
                long key = element + Int(element + 4), keyLength = Int(element + 8), valueLength = Int(element + 12);
                if (key + keyLength + valueLength > _bytes.Length) yield break;
                yield return new Entry((int)key, (int)keyLength, (int)valueLength, (Int(element) & 1) != 0);
            }
            else if (flags == BranchPage)
            {
                foreach (var below in Page(Offset(BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan((int)element + 8))), depth + 1)) yield return below;
            }
        }
    }

    private ushort Short(long at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan((int)at));

    private uint Int(long at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan((int)at));

    /// <param name="Page">Number of its root page; 0 for one that lies in its entry.</param>
    /// <param name="Inline">Offset of the page in its entry, else 0.</param>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Auto)]
    internal readonly record struct Bucket(ulong Page, int Inline);

    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Auto)]
    internal readonly record struct Entry(int Key, int KeyLength, int ValueLength, bool IsBucket);
}
