using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Meters;
using Metering.Service.Ledger;

namespace Metering.Service.Verification.Checks;

/// <summary>
/// Σ quantities per workload and bucket, recomputed from the batches by the ledger's rule of splitting, are the rows of <c>usage</c>, no row more and none less; the same for <c>coverage</c>.
/// Goes host by host and bucket by bucket, each within one view of the ledger: memory is one host's workloads, whatever the ledger holds.
/// </summary>
internal sealed class UsageCheck : IVerifyCheck
{
    private static readonly string Columns = string.Concat(MeterCatalogue.All.Select(meter => ", u." + meter.Column));

    // An epoch may have begun since the verification did: what it billed is in the same view as its batches.
    private const string OfHost = "SELECT id FROM agent WHERE host = @host";

    public string Name => "usage";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var explained = new SortedDictionary<long, long>();
        var seen = 0L;
        foreach (var host in run.Agents.GroupBy(agent => agent.Host, StringComparer.Ordinal))
        {
            var agents = host.ToList();
            var longest = await LongestAsync(run, agents, cancel);
            for (var bucket = await NextAsync(run, agents, run.From, longest, cancel); bucket is { } at && at < run.To; bucket = await NextAsync(run, agents, await EndAsync(run, at, cancel), longest, cancel))
            {
                var (rows, batches, faults) = await CompareAsync(run, host.Key, at, longest, cancel);
                (run.Rows, seen) = (run.Rows + rows, seen + batches);
                explained[at] = explained.GetValueOrDefault(at) + rows;
                foreach (var fault in faults) yield return Event(run, seen, fault);
                yield return new VerifyEvent(Name, Math.Min(seen, run.Receipts), run.Receipts);
            }
        }

        foreach (var (bucket, rows) in explained)
        {
            if (await StrayAsync(run, bucket, rows, cancel) is { } stray) yield return Event(run, seen, stray);
        }

        await foreach (var stray in OtherBucketsAsync(run, explained, cancel)) yield return Event(run, seen, stray);
        yield return new VerifyEvent(Name, Math.Max(seen, run.Receipts), Math.Max(seen, run.Receipts));
    }

    private VerifyEvent Event(VerifyRun run, long seen, Discrepancy discrepancy) => new(Name, Math.Min(seen, run.Receipts), run.Receipts) { Discrepancy = discrepancy };

    private static async Task<long> LongestAsync(VerifyRun run, List<AgentMark> agents, CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, $"SELECT MAX(window_end - window_start) FROM receipt WHERE agent IN ({Ids(agents)})");
        return await command.ExecuteScalarAsync(cancel) is { } value and not DBNull ? Convert.ToInt64(value, CultureInfo.InvariantCulture) : 0;
    }

    private static async Task<long> EndAsync(VerifyRun run, long bucket, CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        return bucket + (await run.GrainAsync(connection, null, cancel)).LengthAt(bucket);
    }

    // The bucket at or after an instant, Unix seconds, that a window may reach into; null at the end. Index receipt_agent_window.
    private static async Task<long?> NextAsync(VerifyRun run, List<AgentMark> agents, long begin, long longest, CancellationToken cancel)
    {
        long? next = null;
        await using var connection = await run.Store.OpenReadAsync(cancel);
        var grain = await run.GrainAsync(connection, null, cancel);
        var from = begin == long.MinValue ? long.MinValue : begin * 1_000_000;
        foreach (var agent in agents)
        {
            await using var command = VerifyRun.Command(connection, "SELECT MIN(window_end) FROM receipt WHERE agent = @agent AND window_end >= @from", ("@agent", agent.Id), ("@from", from));
            if (await command.ExecuteScalarAsync(cancel) is not { } value || value is DBNull) continue;
            var start = Math.Max(Convert.ToInt64(value, CultureInfo.InvariantCulture) - longest, Math.Max(from, 0));
            next = Math.Min(next ?? long.MaxValue, grain.Floor(start / 1_000_000));
        }

        return next;
    }

    private static async Task<(long Rows, long Batches, List<Discrepancy> Faults)> CompareAsync(VerifyRun run, string host, long bucket, long longest, CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        var sums = new BucketSums(bucket, await run.GrainAsync(connection, snapshot, cancel));
        var gone = 0L;
        await using (var command = VerifyRun.Command(connection, $"""
            SELECT b.bytes, r.window_start, r.window_end FROM receipt r LEFT JOIN batch b ON b.agent = r.agent AND b.sequence = r.sequence
            WHERE r.agent IN ({OfHost}) AND r.quarantined = 0 AND r.window_end >= @from AND r.window_end <= @until AND r.window_start < @to
            """, ("@host", host), ("@from", bucket * 1_000_000), ("@to", sums.End * 1_000_000), ("@until", sums.End * 1_000_000 + longest)))
        {
            command.Transaction = snapshot;
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                if (!rows.IsDBNull(0)) sums.Add(StoredBatch.BytesOf(rows[0]));
                else if (rows.GetInt64(1) < sums.End * 1_000_000 && rows.GetInt64(2) >= bucket * 1_000_000) gone++;
            }
        }

        var faults = new List<Discrepancy>();
        if (gone > 0) return await ExpiredAsync(connection, snapshot, run, host, sums, gone, cancel);
        var found = await CompareUsageAsync(connection, snapshot, host, sums, faults, cancel);
        await CompareCoverageAsync(connection, snapshot, host, sums, faults, cancel);
        if (bucket >= await ConservationTally.FromAsync(connection, cancel) && await ConservationAsync(connection, snapshot, host, bucket, cancel) is var counted && !(counted ?? new Conserved()).Is(sums.Bills))
            faults.Add(new Discrepancy("conservation", $"bucket={bucket} host={host}", "it is not what the batches add up to"));
        return (found, sums.Batches, faults);
    }

    // Bytes have expired: the rows against what was counted from the batches as they came in, and that against the hashes of the receipts.
    private static async Task<(long Rows, long Batches, List<Discrepancy> Faults)> ExpiredAsync(
        DbConnection connection, DbTransaction snapshot, VerifyRun run, string host, BucketSums sums, long gone, CancellationToken cancel)
    {
        var (used, rows, received) = (new Conserved(), 0L, new Conserved());
        await using (var command = VerifyRun.Command(connection, $"SELECT u.estimated_us{Columns} FROM workload w CROSS JOIN usage u WHERE w.host = @host AND u.bucket = @bucket AND u.workload = w.id", ("@host", host), ("@bucket", sums.Bucket)))
        {
            command.Transaction = snapshot;
            await using var read = await command.ExecuteReaderAsync(cancel);
            for (; await read.ReadAsync(cancel); rows++)
            {
                used.AddEstimated(read.GetInt64(0));
                foreach (var meter in MeterCatalogue.All)
                {
                    if (!read.IsDBNull(meter.Index + 1)) used.Add(meter, read.GetInt64(meter.Index + 1));
                }
            }
        }

        var grain = await run.GrainAsync(connection, snapshot, cancel);
        await using (var command = VerifyRun.Command(connection, $"SELECT window_start, window_end, hash FROM receipt WHERE agent IN ({OfHost}) AND quarantined = 0 AND window_end >= @from AND window_end <= @to",
            ("@host", host), ("@from", sums.Bucket * 1_000_000), ("@to", sums.End * 1_000_000)))
        {
            command.Transaction = snapshot;
            await using var read = await command.ExecuteReaderAsync(cancel);
            while (await read.ReadAsync(cancel))
            {
                if (ConservationTally.BucketOf(read.GetInt64(0), read.GetInt64(1), grain) == sums.Bucket) received.AddBatch((byte[])read[2]);
            }
        }

        var counted = await ConservationAsync(connection, snapshot, host, sums.Bucket, cancel) ?? new Conserved();
        var (key, faults) = ($"bucket={sums.Bucket} host={host}", new List<Discrepancy>());
        if (!counted.Bills(used)) faults.Add(new Discrepancy("usage", key, "its rows are not what its batches billed when they came in (their bytes have expired)"));
        if (!counted.IsFrom(received)) faults.Add(new Discrepancy("receipt", key, $"usage was counted from {counted.Batches} batches, {received.Batches} receipts are there or other ones (their bytes have expired)"));
        return (rows, sums.Batches + gone, faults);
    }

    private static async Task<Conserved?> ConservationAsync(DbConnection connection, DbTransaction snapshot, string host, long bucket, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, $"SELECT {ConservationSql.Columns} FROM conservation WHERE bucket = @bucket AND host = @host", ("@bucket", bucket), ("@host", host));
        command.Transaction = snapshot;
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? ConservationSql.Read(row, 2) : null;
    }

    private static async Task<long> CompareUsageAsync(DbConnection connection, DbTransaction snapshot, string host, BucketSums sums, List<Discrepancy> faults, CancellationToken cancel)
    {
        var found = 0L;
        var overBound = new OverBoundSums();
        // Workloads of the host first, then each one's row by its primary key.
        await using var command = VerifyRun.Command(connection,
            $"SELECT w.id, w.kind, w.key, u.estimated_us, u.unscraped_us{Columns} FROM workload w CROSS JOIN usage u WHERE w.host = @host AND u.bucket = @bucket AND u.workload = w.id",
            ("@host", host), ("@bucket", sums.Bucket));
        command.Transaction = snapshot;
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            found++;
            var (kind, key) = (rows.GetString(1), rows.GetString(2));
            var name = $"bucket={sums.Bucket} workload={rows.GetInt64(0)} ({host} {kind} {key})";
            var known = sums.Take((kind, key), out var sum);
            if (kind == WorkloadDirectory.OverBoundKind) overBound.Take(rows, known ? sum : new UsageSum());
            else if (!known) faults.Add(new Discrepancy("usage", name, "no batch bills it"));
            else if (Fault(rows, sum) is { } fault) overBound.Miss(rows, sum, new Discrepancy("usage", name, fault));
        }

        foreach (var ((kind, key), sum) in sums.Left)
            overBound.Miss(null, sum, new Discrepancy("usage", $"bucket={sums.Bucket} workload={host} {kind} {key}", $"there is no row; the batches bill {sum.Values[MeterCatalogue.Cpu.Index]} µs of CPU and more"));
        faults.AddRange(overBound.Faults($"bucket={sums.Bucket} ({host} {WorkloadDirectory.OverBoundKind})"));
        return found;
    }

    private static string? Fault(DbDataReader row, UsageSum sum)
    {
        foreach (var meter in MeterCatalogue.All)
        {
            var at = meter.Index + 5;
            var (known, value) = ((sum.Known & (1 << meter.Index)) != 0, (Int128)sum.Values[meter.Index]);
            if (row.IsDBNull(at) == known) return known ? $"{meter.Column} is unknown, the batches bill {value}" : $"{meter.Column} is {row.GetInt64(at)}, no batch knows it";
            if (known && row.GetInt64(at) != value) return $"{meter.Column} is {row.GetInt64(at)}, the batches bill {value}";
        }

        if (row.GetInt64(3) != sum.Estimated) return $"estimated_us is {row.GetInt64(3)}, the batches say {sum.Estimated}";

        // What a scraper would have missed depends on the order of arrival; it can not be more than all of it.
        return row.GetInt64(4) < 0 || row.GetInt64(4) > sum.Values[MeterCatalogue.Cpu.Index] ? $"unscraped_us is {row.GetInt64(4)} of {sum.Values[MeterCatalogue.Cpu.Index]} µs" : null;
    }

    private static async Task CompareCoverageAsync(DbConnection connection, DbTransaction snapshot, string host, BucketSums sums, List<Discrepancy> faults, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, "SELECT covered_us, expected_us FROM coverage WHERE bucket = @bucket AND host = @host", ("@bucket", sums.Bucket), ("@host", host));
        command.Transaction = snapshot;
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var (covered, expected) = await rows.ReadAsync(cancel) ? (rows.GetInt64(0), rows.GetInt64(1)) : (0L, 0L);
        if ((covered, expected) != (sums.Covered, sums.Expected))
            faults.Add(new Discrepancy("coverage", $"bucket={sums.Bucket} host={host}", $"{covered} of {expected} µs, the batches say {sums.Covered} of {sums.Expected} µs"));
    }

    // Rows of a bucket that belong to no host with a batch there: one count finds that there are any, a second look names the first. New rows may have come since.
    private static async Task<Discrepancy?> StrayAsync(VerifyRun run, long bucket, long rows, CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using (var count = VerifyRun.Command(connection, "SELECT COUNT(*) FROM usage WHERE bucket = @bucket", ("@bucket", bucket)))
        {
            if (Convert.ToInt64(await count.ExecuteScalarAsync(cancel), CultureInfo.InvariantCulture) <= rows) return null;
        }

        var grain = await run.GrainAsync(connection, null, cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT u.workload, w.host FROM usage u LEFT JOIN workload w ON w.id = u.workload WHERE u.bucket = @bucket AND (w.host IS NULL OR NOT EXISTS
                (SELECT 1 FROM agent a JOIN receipt r ON r.agent = a.id WHERE a.host = w.host AND r.window_end >= @from AND r.window_start < @to)) LIMIT 1
            """, ("@bucket", bucket), ("@from", bucket * 1_000_000), ("@to", (bucket + grain.LengthAt(bucket)) * 1_000_000));
        await using var stray = await command.ExecuteReaderAsync(cancel);
        return await stray.ReadAsync(cancel) ? new Discrepancy("usage", $"bucket={bucket} workload={stray.GetInt64(0)}", stray.IsDBNull(1) ? "there is no such workload" : $"no batch of host {stray.GetString(1)} reaches into this bucket") : null;
    }

    private static async IAsyncEnumerable<Discrepancy> OtherBucketsAsync(VerifyRun run, SortedDictionary<long, long> explained, [EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var table in (string[])["usage", "coverage"])
        {
            for (var bucket = Math.Max(run.From, long.MinValue + 1) - 1; ;)
            {
                // One step along the primary key for each bucket.
                await using var connection = await run.Store.OpenReadAsync(cancel);
                await using var command = VerifyRun.Command(connection, $"SELECT MIN(bucket) FROM {table} WHERE bucket > @after", ("@after", bucket));
                if (await command.ExecuteScalarAsync(cancel) is not { } value || value is DBNull) break;
                bucket = Convert.ToInt64(value, CultureInfo.InvariantCulture);
                if (bucket >= run.To) break;
                if (explained.ContainsKey(bucket)) continue;
                var grain = await run.GrainAsync(connection, null, cancel);
                await using var receipts = VerifyRun.Command(connection, "SELECT COUNT(*) FROM receipt WHERE window_end >= @from AND window_start < @to", ("@from", bucket * 1_000_000), ("@to", (bucket + grain.LengthAt(bucket)) * 1_000_000));
                if (Convert.ToInt64(await receipts.ExecuteScalarAsync(cancel), CultureInfo.InvariantCulture) == 0) yield return new Discrepancy(table, $"bucket={bucket}", "no batch reaches into this bucket");
            }
        }
    }

    private static string Ids(List<AgentMark> agents) => string.Join(", ", agents.Select(agent => agent.Id.ToString(CultureInfo.InvariantCulture)));
}
