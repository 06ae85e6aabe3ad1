using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Ledger;

/// <summary>The hot path on SQLite.</summary>
internal sealed class SqliteBulk : ILedgerBulk
{
    public async Task<List<AgentEntry>> LoadAgentsAsync(LedgerTransaction transaction, IReadOnlyList<string> epochs)
    {
        var agents = new List<AgentEntry>();
        foreach (var epoch in epochs)
        {
            var command = transaction.Command(
                "SELECT id, host, committed, last_sequence, first_window_start, last_window_end, boot_id, labels, cpus, memory_bytes, conservation_failures FROM agent WHERE epoch = @epoch", ("@epoch", epoch));
            await using var rows = await command.ExecuteReaderAsync();
            if (await rows.ReadAsync()) agents.Add(Read(rows, epoch));
        }

        return agents;
    }

    public async Task SaveAgentsAsync(LedgerTransaction transaction, IReadOnlyCollection<AgentEntry> agents, long now)
    {
        using var update = Prepare(transaction, """
            UPDATE agent SET committed = ?2, last_sequence = ?3, first_window_start = ?4, last_window_end = ?5, last_seen_at = ?6, boot_id = ?7, labels = ?8, cpus = ?9, memory_bytes = ?10,
                conservation_failures = ?11 WHERE id = ?1
            """);
        foreach (var agent in agents)
        {
            if (agent.IsNew)
            {
                agent.Id = await transaction.ScalarAsync(transaction.Command("""
                    INSERT INTO agent (host, epoch, committed, last_sequence, first_window_start, last_window_end, last_seen_at, boot_id, labels, cpus, memory_bytes, conservation_failures)
                    VALUES (@host, @epoch, 0, 0, 0, 0, 0, '', '{}', 0, 0, 0) RETURNING id
                    """, ("@host", agent.Host), ("@epoch", agent.Epoch))) ?? 0;
            }

            update.Bind(1, agent.Id);
            update.Bind(2, (long)agent.Committed);
            update.Bind(3, (long)agent.LastSequence);
            update.Bind(4, agent.FirstWindowStart);
            update.Bind(5, agent.LastWindowEnd);
            update.Bind(6, now);
            update.Bind(7, agent.BootId);
            update.Bind(8, agent.Labels);
            update.Bind(9, agent.Cpus);
            update.Bind(10, agent.MemoryBytes);
            update.Bind(11, agent.ConservationFailures);
            update.Run();
        }
    }

    public Task InsertReceiptsAsync(LedgerTransaction transaction, IReadOnlyList<ReceiptRow> receipts, long now)
    {
        using var receipt = Prepare(transaction, "INSERT INTO receipt (agent, sequence, first_sequence, hash, quarantined, window_start, window_end, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        using var batch = Prepare(transaction, "INSERT INTO batch (agent, sequence, bytes) VALUES (?1, ?2, ?3)");
        foreach (var row in receipts)
        {
            receipt.Bind(1, row.Agent.Id);
            receipt.Bind(2, (long)row.Batch.Sequence);
            receipt.Bind(3, (long)row.Batch.FirstSequence);
            receipt.Bind(4, row.Batch.Hash);
            receipt.Bind(5, row.Quarantined ? 1L : 0L);
            receipt.Bind(6, row.Batch.WindowStart);
            receipt.Bind(7, row.Batch.WindowEnd);
            receipt.Bind(8, now);
            receipt.Run();
            if (row.Quarantined) continue;
            batch.Bind(1, row.Agent.Id);
            batch.Bind(2, (long)row.Batch.Sequence);
            batch.Bind(3, row.Batch.Body.Span);
            batch.Run();
        }

        return Task.CompletedTask;
    }

    public Task SaveWorkloadsAsync(LedgerTransaction transaction, IReadOnlyList<WorkloadEntry> workloads, long bucket)
    {
        using var upsert = Prepare(transaction, """
            INSERT INTO workload (host, kind, key, name, path, labels, attributes_from, former, availability, first_seen, last_seen, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?9, ?8, ?8, 0)
            ON CONFLICT (host, kind, key) DO UPDATE SET path = excluded.path, last_seen = MAX(last_seen, excluded.last_seen), ended = 0
            RETURNING id, name, labels, attributes_from, former, availability
            """);
        foreach (var workload in workloads)
        {
            var seen = workload.Attributes.Latest;
            var labels = AttributeStore.WriteLabels(seen.Labels);
            upsert.Bind(1, workload.Host);
            upsert.Bind(2, workload.Kind);
            upsert.Bind(3, workload.Key);
            upsert.Bind(4, seen.Name);
            upsert.Bind(5, workload.Path);
            upsert.Bind(6, labels);
            upsert.Bind(7, seen.From);
            upsert.Bind(8, bucket);
            upsert.Bind(9, AttributeStore.WriteAvailability(workload.Availability));
            while (upsert.Step())
            {
                (workload.Id, workload.StoredAvailability) = (upsert.Number(0), upsert.Text(5));
                var (from, former) = (upsert.Number(3), upsert.Number(4));
                if (from == seen.From && former == 0 && upsert.Text(1) == seen.Name && upsert.Text(2) == labels) continue;
                workload.Stored = new StoredAttributes(upsert.Text(1), upsert.Text(2), from, former);
            }
        }

        return Task.CompletedTask;
    }

    public Task SaveAvailabilityAsync(LedgerTransaction transaction, IReadOnlyList<(long Id, string Availability)> workloads)
    {
        using var update = Prepare(transaction, "UPDATE workload SET availability = ?2 WHERE id = ?1");
        foreach (var (id, availability) in workloads)
        {
            update.Bind(1, id);
            update.Bind(2, availability);
            update.Run();
        }

        return Task.CompletedTask;
    }

    public Task AddUsageAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows)
    {
        var mask = 0;
        foreach (var row in rows) mask |= row.Known;
        var columns = UsageSql.Columns(mask);
        var places = string.Concat(columns.Select((_, i) => ", ?" + (i + 5).ToString(CultureInfo.InvariantCulture)));
        using var upsert = Prepare(transaction,
            $"INSERT INTO usage (bucket, workload, estimated_us, unscraped_us{UsageSql.ColumnList(columns)}) VALUES (?1, ?2, ?3, ?4{places}) {UsageSql.OnConflict(columns, postgres: false)}");
        foreach (var row in rows)
        {
            upsert.Bind(1, row.Bucket);
            upsert.Bind(2, row.Workload.Id);
            upsert.Bind(3, row.EstimatedMicroseconds);
            upsert.Bind(4, row.UnscrapedMicroseconds);
            for (var i = 0; i < columns.Length; i++)
            {
                var index = columns[i].Index;
                if ((row.Known & (1 << index)) != 0) upsert.Bind(i + 5, row.Values[index]);
                else upsert.BindNull(i + 5);
            }

            upsert.Run();
        }

        return Task.CompletedTask;
    }

    public Task AddCoverageAsync(LedgerTransaction transaction, IReadOnlyCollection<KeyValuePair<(long Bucket, string Host), (long Covered, long Expected)>> rows)
    {
        using var upsert = Prepare(transaction, """
            INSERT INTO coverage (bucket, host, covered_us, expected_us) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (bucket, host) DO UPDATE SET covered_us = covered_us + excluded.covered_us, expected_us = expected_us + excluded.expected_us
            """);
        foreach (var ((bucket, host), (covered, expected)) in rows)
        {
            upsert.Bind(1, bucket);
            upsert.Bind(2, host);
            upsert.Bind(3, covered);
            upsert.Bind(4, expected);
            upsert.Run();
        }

        return Task.CompletedTask;
    }

    public Task AddConservationAsync(LedgerTransaction transaction, IReadOnlyCollection<KeyValuePair<(long Bucket, string Host), Conserved>> rows)
    {
        var places = string.Join(", ", Enumerable.Range(1, 6 + Meters.MeterCatalogue.All.Count).Select(i => "?" + i.ToString(CultureInfo.InvariantCulture)));
        using var upsert = Prepare(transaction, $"INSERT INTO conservation ({ConservationSql.Columns}) VALUES ({places}) {ConservationSql.OnConflict(postgres: false)}");
        foreach (var ((bucket, host), bills) in rows)
        {
            upsert.Bind(1, bucket);
            upsert.Bind(2, host);
            upsert.Bind(3, bills.Batches);
            upsert.Bind(4, bills.HashFirst);
            upsert.Bind(5, bills.HashSecond);
            upsert.Bind(6, bills.Estimated);
            for (var i = 0; i < bills.Values.Length; i++) upsert.Bind(7 + i, bills.Values[i]);
            upsert.Run();
        }

        return Task.CompletedTask;
    }

    internal static AgentEntry Read(System.Data.Common.DbDataReader row, string epoch) => new()
    {
        Id = row.GetInt64(0),
        Host = row.GetString(1),
        Epoch = epoch,
        Committed = (ulong)row.GetInt64(2),
        LastSequence = (ulong)row.GetInt64(3),
        FirstWindowStart = row.GetInt64(4),
        LastWindowEnd = row.GetInt64(5),
        BootId = row.GetString(6),
        Labels = row.GetString(7),
        Cpus = row.GetDouble(8),
        MemoryBytes = row.GetInt64(9),
        ConservationFailures = row.GetInt64(10),
        HadGap = row.GetInt64(3) > row.GetInt64(2),
    };

    private static SqliteStatement Prepare(LedgerTransaction transaction, string sql) => new((SqliteConnection)transaction.Connection, sql);
}
