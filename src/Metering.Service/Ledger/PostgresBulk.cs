using Npgsql;
using NpgsqlTypes;

namespace Metering.Service.Ledger;

/// <summary>The hot path on PostgreSQL: COPY and arrays, a handful of round trips for any size of group.</summary>
internal sealed class PostgresBulk : ILedgerBulk
{
    public async Task<List<AgentEntry>> LoadAgentsAsync(LedgerTransaction transaction, IReadOnlyList<string> epochs)
    {
        var command = transaction.Command("""
            SELECT id, host, committed, last_sequence, first_window_start, last_window_end, boot_id, labels, cpus, memory_bytes, conservation_failures, epoch
            FROM agent WHERE epoch = ANY(@epochs) ORDER BY epoch FOR UPDATE
            """, ("@epochs", epochs.ToArray()));
        await using var rows = await command.ExecuteReaderAsync();
        var agents = new List<AgentEntry>();
        while (await rows.ReadAsync()) agents.Add(SqliteBulk.Read(rows, rows.GetString(11)));
        return agents;
    }

    public async Task SaveAgentsAsync(LedgerTransaction transaction, IReadOnlyCollection<AgentEntry> agents, long now)
    {
        var fresh = agents.Where(agent => agent.IsNew).ToArray();
        if (fresh.Length > 0)
        {
            // A second replica that meets the same new agent loses here by unique violation and runs its group again.
            var insert = transaction.Command("""
                INSERT INTO agent (host, epoch, committed, last_sequence, first_window_start, last_window_end, last_seen_at, boot_id, labels, cpus, memory_bytes, conservation_failures)
                SELECT host, epoch, 0, 0, 0, 0, 0, '', '{}', 0, 0, 0 FROM unnest(@hosts, @epochs) AS fresh (host, epoch) RETURNING id, epoch
                """, ("@hosts", Array.ConvertAll(fresh, agent => agent.Host)), ("@epochs", Array.ConvertAll(fresh, agent => agent.Epoch)));
            var ids = new Dictionary<string, long>(StringComparer.Ordinal);
            await using (var rows = await insert.ExecuteReaderAsync())
            {
                while (await rows.ReadAsync()) ids[rows.GetString(1)] = rows.GetInt64(0);
            }

            foreach (var agent in fresh) agent.Id = ids[agent.Epoch];
        }

        var all = agents.ToArray();
        await transaction.ExecuteAsync("""
            UPDATE agent SET committed = v.committed, last_sequence = v.last_sequence, first_window_start = v.first_start, last_window_end = v.last_end, last_seen_at = @now,
                boot_id = v.boot_id, labels = v.labels, cpus = v.cpus, memory_bytes = v.memory_bytes, conservation_failures = v.failures
            FROM unnest(@ids, @committed, @last, @starts, @ends, @boots, @labels, @cpus, @memory, @failures)
                AS v (id, committed, last_sequence, first_start, last_end, boot_id, labels, cpus, memory_bytes, failures) WHERE agent.id = v.id
            """,
            ("@now", now), ("@ids", Array.ConvertAll(all, agent => agent.Id)), ("@committed", Array.ConvertAll(all, agent => (long)agent.Committed)),
            ("@last", Array.ConvertAll(all, agent => (long)agent.LastSequence)), ("@starts", Array.ConvertAll(all, agent => agent.FirstWindowStart)),
            ("@ends", Array.ConvertAll(all, agent => agent.LastWindowEnd)), ("@boots", Array.ConvertAll(all, agent => Clean(agent.BootId))), ("@labels", Array.ConvertAll(all, agent => Clean(agent.Labels))),
            ("@cpus", Array.ConvertAll(all, agent => agent.Cpus)), ("@memory", Array.ConvertAll(all, agent => agent.MemoryBytes)), ("@failures", Array.ConvertAll(all, agent => agent.ConservationFailures)));
    }

    public async Task InsertReceiptsAsync(LedgerTransaction transaction, IReadOnlyList<ReceiptRow> receipts, long now)
    {
        var connection = (NpgsqlConnection)transaction.Connection;
        await using (var copy = await connection.BeginBinaryImportAsync("COPY receipt (agent, sequence, first_sequence, hash, quarantined, window_start, window_end, received_at) FROM STDIN (FORMAT BINARY)"))
        {
            foreach (var row in receipts)
            {
                await copy.StartRowAsync();
                await copy.WriteAsync(row.Agent.Id, NpgsqlDbType.Bigint);
                await copy.WriteAsync((long)row.Batch.Sequence, NpgsqlDbType.Bigint);
                await copy.WriteAsync((long)row.Batch.FirstSequence, NpgsqlDbType.Bigint);
                await copy.WriteAsync(row.Batch.Hash, NpgsqlDbType.Bytea);
                await copy.WriteAsync(row.Quarantined ? 1L : 0L, NpgsqlDbType.Bigint);
                await copy.WriteAsync(row.Batch.WindowStart, NpgsqlDbType.Bigint);
                await copy.WriteAsync(row.Batch.WindowEnd, NpgsqlDbType.Bigint);
                await copy.WriteAsync(now, NpgsqlDbType.Bigint);
            }

            await copy.CompleteAsync();
        }

        await using var bytes = await connection.BeginBinaryImportAsync("COPY batch (agent, sequence, bytes) FROM STDIN (FORMAT BINARY)");
        foreach (var row in receipts)
        {
            if (row.Quarantined) continue;
            await bytes.StartRowAsync();
            await bytes.WriteAsync(row.Agent.Id, NpgsqlDbType.Bigint);
            await bytes.WriteAsync((long)row.Batch.Sequence, NpgsqlDbType.Bigint);
            await bytes.WriteAsync(row.Batch.Body, NpgsqlDbType.Bytea);
        }

        await bytes.CompleteAsync();
    }

    public async Task SaveWorkloadsAsync(LedgerTransaction transaction, IReadOnlyList<WorkloadEntry> workloads, long bucket)
    {
        // Ordered, so that replicas lock in the same order; each key is there once, as one statement may touch it once only.
        var all = workloads.OrderBy(entry => (entry.Host, entry.Kind, entry.Key)).ToArray();
        var command = transaction.Command("""
            INSERT INTO workload AS w (host, kind, key, name, path, labels, attributes_from, former, availability, first_seen, last_seen, ended)
            SELECT host, kind, key, name, path, labels, since, 0, availability, @bucket, @bucket, 0
            FROM unnest(@hosts, @kinds, @keys, @names, @paths, @labels, @since, @availability) AS v (host, kind, key, name, path, labels, since, availability)
            ON CONFLICT (host, kind, key) DO UPDATE SET path = excluded.path, last_seen = GREATEST(w.last_seen, excluded.last_seen), ended = 0
            RETURNING id, host, kind, key, name, labels, attributes_from, former, availability
            """,
            ("@bucket", bucket), ("@hosts", Array.ConvertAll(all, entry => entry.Host)), ("@kinds", Array.ConvertAll(all, entry => entry.Kind)), ("@keys", Array.ConvertAll(all, entry => entry.Key)),
            ("@names", Array.ConvertAll(all, entry => entry.Attributes.Latest.Name)), ("@paths", Array.ConvertAll(all, entry => entry.Path)),
            ("@labels", Array.ConvertAll(all, entry => AttributeStore.WriteLabels(entry.Attributes.Latest.Labels))), ("@since", Array.ConvertAll(all, entry => entry.Attributes.Latest.From)),
            ("@availability", Array.ConvertAll(all, entry => AttributeStore.WriteAvailability(entry.Availability))));
        var byKey = all.ToDictionary(entry => (entry.Host, entry.Kind, entry.Key));
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            var entry = byKey[(rows.GetString(1), rows.GetString(2), rows.GetString(3))];
            var stored = new StoredAttributes(rows.GetString(4), rows.GetString(5), rows.GetInt64(6), rows.GetInt64(7));
            (entry.Id, entry.StoredAvailability) = (rows.GetInt64(0), rows.GetString(8));
            var seen = entry.Attributes.Latest;
            if (stored != new StoredAttributes(seen.Name, AttributeStore.WriteLabels(seen.Labels), seen.From, 0)) entry.Stored = stored;
        }
    }

    public async Task SaveAvailabilityAsync(LedgerTransaction transaction, IReadOnlyList<(long Id, string Availability)> workloads) => await transaction.ExecuteAsync(
        "UPDATE workload SET availability = v.availability FROM unnest(@ids, @availability) AS v (id, availability) WHERE workload.id = v.id",
        ("@ids", workloads.Select(workload => workload.Id).ToArray()), ("@availability", workloads.Select(workload => workload.Availability).ToArray()));

    public async Task AddUsageAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows)
    {
        var mask = 0;
        foreach (var row in rows) mask |= row.Known;
        var columns = UsageSql.Columns(mask);
        var list = UsageSql.ColumnList(columns);
        var connection = (NpgsqlConnection)transaction.Connection;
        await transaction.ExecuteAsync("CREATE TEMP TABLE IF NOT EXISTS usage_in (LIKE usage) ON COMMIT DELETE ROWS");
        await using (var copy = await connection.BeginBinaryImportAsync($"COPY usage_in (bucket, workload, estimated_us, unscraped_us{list}) FROM STDIN (FORMAT BINARY)"))
        {
            foreach (var row in rows)
            {
                await copy.StartRowAsync();
                await copy.WriteAsync(row.Bucket, NpgsqlDbType.Bigint);
                await copy.WriteAsync(row.Workload.Id, NpgsqlDbType.Bigint);
                await copy.WriteAsync(row.EstimatedMicroseconds, NpgsqlDbType.Bigint);
                await copy.WriteAsync(row.UnscrapedMicroseconds, NpgsqlDbType.Bigint);
                foreach (var meter in columns)
                {
                    if ((row.Known & (1 << meter.Index)) != 0) await copy.WriteAsync(row.Values[meter.Index], NpgsqlDbType.Bigint);
                    else await copy.WriteNullAsync();
                }
            }

            await copy.CompleteAsync();
        }

        await transaction.ExecuteAsync(
            $"INSERT INTO usage (bucket, workload, estimated_us, unscraped_us{list}) SELECT bucket, workload, estimated_us, unscraped_us{list} FROM usage_in ORDER BY bucket, workload {UsageSql.OnConflict(columns, postgres: true)}");
    }

    public async Task AddCoverageAsync(LedgerTransaction transaction, IReadOnlyCollection<KeyValuePair<(long Bucket, string Host), (long Covered, long Expected)>> rows)
    {
        var all = rows.OrderBy(row => row.Key).ToArray();
        await transaction.ExecuteAsync("""
            INSERT INTO coverage (bucket, host, covered_us, expected_us) SELECT * FROM unnest(@buckets, @hosts, @covered, @expected)
            ON CONFLICT (bucket, host) DO UPDATE SET covered_us = coverage.covered_us + excluded.covered_us, expected_us = coverage.expected_us + excluded.expected_us
            """,
            ("@buckets", Array.ConvertAll(all, row => row.Key.Bucket)), ("@hosts", Array.ConvertAll(all, row => row.Key.Host)),
            ("@covered", Array.ConvertAll(all, row => row.Value.Covered)), ("@expected", Array.ConvertAll(all, row => row.Value.Expected)));
    }

    public async Task AddConservationAsync(LedgerTransaction transaction, IReadOnlyCollection<KeyValuePair<(long Bucket, string Host), Conserved>> rows)
    {
        var all = rows.OrderBy(row => row.Key.Bucket).ThenBy(row => row.Key.Host, StringComparer.Ordinal).ToArray();
        var parameters = new List<(string, object?)>
        {
            ("@bucket", Array.ConvertAll(all, row => row.Key.Bucket)), ("@host", Array.ConvertAll(all, row => row.Key.Host)), ("@batches", Array.ConvertAll(all, row => row.Value.Batches)),
            ("@hash_first", Array.ConvertAll(all, row => row.Value.HashFirst)), ("@hash_second", Array.ConvertAll(all, row => row.Value.HashSecond)), ("@estimated_us", Array.ConvertAll(all, row => row.Value.Estimated)),
        };
        foreach (var meter in Meters.MeterCatalogue.All) parameters.Add(("@" + meter.Column, Array.ConvertAll(all, row => row.Value.Values[meter.Index])));
        await transaction.ExecuteAsync($"INSERT INTO conservation ({ConservationSql.Columns}) SELECT * FROM unnest(@{ConservationSql.Columns.Replace(", ", ", @")}) {ConservationSql.OnConflict(postgres: true)}", [.. parameters]);
    }

    // PostgreSQL takes no zero character in a text.
    private static string Clean(string text) => text.Contains('\0') || text.Contains("\\u0000", StringComparison.Ordinal) ? text.Replace("\0", "").Replace("\\u0000", "") : text;
}
