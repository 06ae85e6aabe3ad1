using System.Diagnostics;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Microsoft.Data.Sqlite;

namespace Metering.Benchmarks.Rating;

/// <summary>The same rows from an SQLite ledger: read in canonical order, joined with their owners, rated.</summary>
internal static class StoreRates
{
    private const double Target = 200_000;

    public static async Task AddAsync(Report report, RunOptions options, PriceCatalogue catalogue, Func<int, (long Cpu, long Memory, long Read)> used, CancellationToken cancel)
    {
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            options.Progress("SQLite: writing");
            var ledger = new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(directory, "ledger.db")}" };
            await using var store = LedgerStore.Create(ledger);
            await store.OpenAsync(cancel);
            await store.WriteAsync(transaction => Task.FromResult(Fill((SqliteConnection)transaction.Connection, (SqliteTransaction)transaction.Transaction, used)), cancel);
            options.Progress("SQLite: rating");
            var rates = new List<double>();
            for (var round = 0; round < (options.Full ? 9 : 3); round++)
            {
                await using var connection = await store.OpenReadAsync(cancel);
                var rows = 0;
                var book = new ChargeBook(new Rater(catalogue), catalogue, _ => { });
                var began = Stopwatch.GetTimestamp();
                await UsageStream.ReadAsync(connection, 0, long.MaxValue, (tenant, bucket, workload, values, known) =>
                {
                    rows++;
                    book.Add(tenant, bucket, RateScenario.Hour, workload, values, known);
                }, cancel);
                book.Finish([]);
                rates.Add(rows / Stopwatch.GetElapsedTime(began).TotalSeconds);
            }

            report.Add("three meters, from SQLite: rows rated", "rows/s", rates, Target);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static int Fill(SqliteConnection connection, SqliteTransaction transaction, Func<int, (long Cpu, long Memory, long Read)> used)
    {
        using var owner = connection.CreateCommand();
        owner.Transaction = transaction;
        owner.CommandText = "INSERT INTO ownership (workload, valid_from, valid_to, tenant, project) VALUES (@workload, 0, 9223372036854775807, @tenant, '')";
        for (var workload = 0; workload < RateScenario.Workloads; workload++)
        {
            owner.Parameters.Clear();
            owner.Parameters.AddWithValue("@workload", workload + 1);
            owner.Parameters.AddWithValue("@tenant", RateScenario.Tenant(workload % RateScenario.Tenants));
            owner.ExecuteNonQuery();
        }

        using var row = connection.CreateCommand();
        row.Transaction = transaction;
        row.CommandText = $"INSERT INTO usage (bucket, workload, {MeterCatalogue.Cpu.Column}, {MeterCatalogue.Memory.Column}, {MeterCatalogue.IoReadBytes.Column}, estimated_us) VALUES (@bucket, @workload, @cpu, @memory, @read, 0)";
        var parameters = new[] { "@bucket", "@workload", "@cpu", "@memory", "@read" }.Select(name => row.Parameters.Add(name, SqliteType.Integer)).ToArray();
        for (var i = 0; i < RateScenario.Rows; i++)
        {
            var (cpu, memory, read) = used(i);
            (parameters[0].Value, parameters[1].Value) = (RateScenario.Start + i / RateScenario.Workloads * RateScenario.Hour, i % RateScenario.Workloads + 1L);
            (parameters[2].Value, parameters[3].Value, parameters[4].Value) = (cpu, memory, read);
            row.ExecuteNonQuery();
        }

        return RateScenario.Rows;
    }
}
