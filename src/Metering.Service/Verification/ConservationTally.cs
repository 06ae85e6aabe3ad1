using System.Data.Common;
using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Ledger;

namespace Metering.Service.Verification;

/// <summary>
/// Σ usage = Σ batches, bucket by bucket and host by host, without a batch being read: rows of <c>usage</c> are added up as they stream by and held against <c>conservation</c>, which was counted
/// from the batches as they came in, and that against the hashes of the receipts. Of a bucket that has streamed by it keeps one number per host.
/// </summary>
internal sealed class ConservationTally
{
    private readonly Dictionary<long, int> _hostOf = [];
    private readonly List<string> _hosts = [];
    private readonly Dictionary<(long Bucket, int Host), ulong> _digests = [];
    private readonly List<Conserved> _open = [];
    private readonly HashSet<int> _touched = [];
    private long _bucket = long.MinValue;

    /// <summary>Something that does not add up: usage of a host in a bucket, or its batches.</summary>
    public readonly record struct Fault(long Bucket, string Host, string Detail);

    /// <summary>Buckets before this were filled before conservation was counted; <see cref="long.MinValue"/>: none.</summary>
    public long From { get; private set; } = long.MinValue;

    /// <summary>In a view of the ledger, before usage streams by.</summary>
    public static async Task<ConservationTally> BeginAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var tally = new ConservationTally { From = await FromAsync(view.Connection, cancel) };
        var hosts = new Dictionary<string, int>(StringComparer.Ordinal);
        await using var command = VerifyRun.Command(view.Connection, "SELECT id, host FROM workload");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) tally._hostOf[rows.GetInt64(0)] = tally.Index(hosts, rows.GetString(1));
        return tally;
    }

    /// <summary>Buckets before this (Unix seconds) have no conservation.</summary>
    public static async Task<long> FromAsync(DbConnection connection, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, "SELECT value FROM meta WHERE key = 'conserved_from'");
        return await command.ExecuteScalarAsync(cancel) is string text ? long.Parse(text, CultureInfo.InvariantCulture) : long.MinValue;
    }

    /// <summary>A row of usage, in the order of buckets.</summary>
    public void Add(long bucket, long workload, long estimated, ReadOnlySpan<long> values)
    {
        if (bucket != _bucket)
        {
            Settle();
            _bucket = bucket;
        }

        var host = _hostOf.GetValueOrDefault(workload, -1);
        if (host < 0) return; // of no workload: verify tells
        _touched.Add(host);
        var sums = _open[host];
        for (var i = 0; i < MeterCatalogue.All.Count; i++)
        {
            if (values[i] != 0) sums.Add(MeterCatalogue.All[i], values[i]);
        }

        if (estimated != 0) sums.AddEstimated(estimated);
    }

    /// <summary>In the same view, after all usage from one instant to another has streamed by; gives the first fault, or null.</summary>
    public async Task<Fault?> EndAsync(LedgerTransaction view, long from, long to, LedgerGrain grain, CancellationToken cancel)
    {
        Settle();
        from = Math.Max(from, From);
        var receipts = await ReceiptsAsync(view.Connection, from, to, grain, cancel);
        var index = Enumerable.Range(0, _hosts.Count).ToDictionary(i => _hosts[i], StringComparer.Ordinal);
        var none = new Conserved();
        await using (var command = VerifyRun.Command(view.Connection, $"SELECT {ConservationSql.Columns} FROM conservation WHERE bucket >= @from AND bucket < @to ORDER BY bucket, host", ("@from", from), ("@to", to)))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel))
            {
                var (bucket, host) = (rows.GetInt64(0), rows.GetString(1));
                var bills = ConservationSql.Read(rows, 2);
                var used = index.TryGetValue(host, out var i) && _digests.Remove((bucket, i), out var digest) ? digest : Digest(none);
                if (used != Digest(bills)) return new Fault(bucket, host, "the rows of usage are not what the batches bill");
                receipts.Remove((bucket, host), out var received);
                if (received != (bills.Batches, bills.HashFirst, bills.HashSecond))
                    return new Fault(bucket, host, $"usage was counted from {bills.Batches} batches, {received.Batches} receipts are there or other ones");
            }
        }

        foreach (var ((bucket, host), digest) in _digests)
        {
            if (bucket >= from && bucket < to && digest != Digest(none)) return new Fault(bucket, _hosts[host], "there are rows of usage, no batch bills them");
        }

        return receipts.Count > 0 ? new Fault(receipts.Keys.First().Bucket, receipts.Keys.First().Host, "a receipt is there, its batch was not counted") : null;
    }

    /// <summary>What the receipts say of the batches, by the bucket in which their windows end.</summary>
    private static async Task<Dictionary<(long Bucket, string Host), (long Batches, long HashFirst, long HashSecond)>> ReceiptsAsync(DbConnection connection, long from, long to, LedgerGrain grain, CancellationToken cancel)
    {
        var agents = new List<(long Id, string Host)>();
        await using (var command = VerifyRun.Command(connection, "SELECT id, host FROM agent ORDER BY id"))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel)) agents.Add((rows.GetInt64(0), rows.GetString(1)));
        }

        var (found, one) = (new Dictionary<(long Bucket, string Host), (long Batches, long HashFirst, long HashSecond)>(), new Conserved());
        foreach (var (id, host) in agents)
        {
            // Index receipt_agent_window.
            await using var command = VerifyRun.Command(connection, "SELECT window_start, window_end, hash FROM receipt WHERE agent = @agent AND window_end >= @from AND window_end <= @to AND quarantined = 0",
                ("@agent", id), ("@from", from < 0 ? 0 : from * 1_000_000), ("@to", to * 1_000_000));
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                var bucket = BucketOf(rows.GetInt64(0), rows.GetInt64(1), grain);
                if (bucket < from || bucket >= to) continue;
                ref var batches = ref CollectionsMarshal.GetValueRefOrAddDefault(found, (bucket, host), out _);
                (one.Batches, one.HashFirst, one.HashSecond) = batches;
                one.AddBatch(StoredBatch.BytesOf(rows[2]));
                batches = (one.Batches, one.HashFirst, one.HashSecond);
            }
        }

        return found;
    }

    /// <summary>The bucket that a batch is counted in: the one in which its window (microseconds) ends.</summary>
    public static long BucketOf(long start, long end, LedgerGrain grain) => grain.Floor(start == end ? start / 1_000_000 : (end - 1) / 1_000_000);

    private int Index(Dictionary<string, int> hosts, string host)
    {
        if (hosts.TryGetValue(host, out var known)) return known;
        _hosts.Add(host);
        _open.Add(new Conserved());
        return hosts[host] = _hosts.Count - 1;
    }

    private void Settle()
    {
        foreach (var host in _touched)
        {
            _digests[(_bucket, host)] = Digest(_open[host]);
            _open[host].Clear();
        }

        _touched.Clear();
    }

    // FNV-1a over the numbers: equality of 22 sums as equality of one.
    private static ulong Digest(Conserved sums)
    {
        unchecked
        {
            var digest = 14695981039346656037UL;
            foreach (var value in sums.Values) Mix(value);
            Mix(sums.Estimated);
            return digest;

            void Mix(long value)
            {
                digest = (digest ^ (ulong)value) * 1099511628211UL;
                digest ^= digest >> 29;
            }
        }
    }
}
