using System.Diagnostics;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace Metering.Benchmarks.Ingest;

/// <summary>The store's own plain rates for the same records: one row per record, no merging, no receipts, values ready in memory, 20,000 a commit.</summary>
internal static class StoreRates
{
    private const int RowsPerCommit = 20_000;
    private static readonly string Columns = string.Concat(Fleet.Meters.Select(meter => ", " + meter.Column));

    /// <summary>The values of a pass, workloads numbered in the order of their records.</summary>
    public static long[][] Rows(IEnumerable<byte[]> batches)
    {
        var rows = new List<long[]>();
        foreach (var body in batches)
        {
            var batch = BatchDecoder.Decode(body, TimeProvider.System.GetUtcNow(), out _);
            foreach (var record in batch.Records)
            {
                var row = new long[Fleet.Meters.Length];
                for (var m = 0; m < row.Length; m++) row[m] = batch.Readings[record.FirstReading + m].Quantity;
                rows.Add(row);
            }
        }

        return [.. rows];
    }

    /// <summary>Prepared upserts into a file with the product's pragmas; rows a second. The rows are there already, as in a steady pass.</summary>
    public static double SqliteUpserts(string file, long[][] rows)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=false");
        connection.Open();
        Execute(connection, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536");
        Execute(connection, $"CREATE TABLE IF NOT EXISTS plain (bucket INTEGER NOT NULL, workload INTEGER NOT NULL{Defined("INTEGER")}, PRIMARY KEY (bucket, workload)) WITHOUT ROWID");
        var places = string.Concat(Fleet.Meters.Select((_, i) => $", ?{i + 2}"));
        using var upsert = new SqliteStatement(connection, $"INSERT INTO plain (bucket, workload{Columns}) VALUES (0, ?1{places}) {UsageSql.OnConflict(Fleet.Meters, postgres: false).Replace("usage.", "plain.").Replace(", estimated_us = plain.estimated_us + excluded.estimated_us, unscraped_us = plain.unscraped_us + excluded.unscraped_us", "")}");
        var began = Stopwatch.GetTimestamp();
        for (var at = 0; at < rows.Length; at += RowsPerCommit)
        {
            Execute(connection, "BEGIN IMMEDIATE");
            for (var i = at; i < Math.Min(at + RowsPerCommit, rows.Length); i++)
            {
                upsert.Bind(1, i);
                for (var m = 0; m < rows[i].Length; m++) upsert.Bind(m + 2, rows[i][m]);
                upsert.Run();
            }

            Execute(connection, "COMMIT");
        }

        return rows.Length / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>COPY into a temporary table, then INSERT … ON CONFLICT; rows a second.</summary>
    public static async Task<double> PostgresUpsertsAsync(string connectionString, long[][] rows, CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancel);
        await ExecuteAsync(connection, $"CREATE TABLE IF NOT EXISTS plain (bucket bigint NOT NULL, workload bigint NOT NULL{Defined("bigint")}, PRIMARY KEY (bucket, workload)); CREATE TEMP TABLE plain_in (LIKE plain) ON COMMIT DELETE ROWS", cancel);
        var conflict = UsageSql.OnConflict(Fleet.Meters, postgres: true).Replace("usage.", "plain.").Replace(", estimated_us = plain.estimated_us + excluded.estimated_us, unscraped_us = plain.unscraped_us + excluded.unscraped_us", "");
        return await TimeAsync(connection, rows, "plain_in", $"INSERT INTO plain SELECT * FROM plain_in {conflict}", cancel);
    }

    /// <summary>COPY into a table without index; rows a second.</summary>
    public static async Task<double> PostgresCopyAsync(string connectionString, long[][] rows, CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancel);
        await ExecuteAsync(connection, $"CREATE TABLE IF NOT EXISTS appended (bucket bigint NOT NULL, workload bigint NOT NULL{Defined("bigint")})", cancel);
        return await TimeAsync(connection, rows, "appended", then: null, cancel);
    }

    private static async Task<double> TimeAsync(NpgsqlConnection connection, long[][] rows, string into, string? then, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        for (var at = 0; at < rows.Length; at += RowsPerCommit)
        {
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await using (var copy = await connection.BeginBinaryImportAsync($"COPY {into} (bucket, workload{Columns}) FROM STDIN (FORMAT BINARY)", cancel))
            {
                for (var i = at; i < Math.Min(at + RowsPerCommit, rows.Length); i++)
                {
                    await copy.StartRowAsync(cancel);
                    await copy.WriteAsync(0L, NpgsqlDbType.Bigint, cancel);
                    await copy.WriteAsync((long)i, NpgsqlDbType.Bigint, cancel);
                    foreach (var value in rows[i]) await copy.WriteAsync(value, NpgsqlDbType.Bigint, cancel);
                }

                await copy.CompleteAsync(cancel);
            }

            if (then is not null) await ExecuteAsync(connection, then, cancel);
            await transaction.CommitAsync(cancel);
        }

        return rows.Length / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static string Defined(string type) => string.Concat(Fleet.Meters.Select(meter => $", {meter.Column} {type}"));

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
