using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace Metering.Benchmarks.Month;

/// <summary>
/// A ledger with one month of a fleet, written as ingest leaves it once the batches' bytes have expired: workloads with owners, hourly rows of nine meters, coverage, receipts and what they bill.
/// </summary>
/// <param name="start">First hour; null: the month that <see cref="Period"/> says.</param>
internal sealed class MonthLedger(int workloads, int hours, DateTimeOffset? start = null)
{
    public const int Tenants = 20;
    public const string Period = "2026-09";
    public const string Next = "2026-10";
    public const int PerHost = 100;
    private const long Hour = 3600;
    private static readonly long First = new DateTimeOffset(2026, 9, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();
    private static readonly Meter[] Used =
    [
        MeterCatalogue.Cpu, MeterCatalogue.Memory, MeterCatalogue.MemoryPeak, MeterCatalogue.IoReadBytes, MeterCatalogue.IoWriteBytes, MeterCatalogue.IoReadOperations, MeterCatalogue.IoWriteOperations,
        MeterCatalogue.CpuReserved, MeterCatalogue.MemoryReserved,
    ];

    private static readonly string Columns = string.Concat(Used.Select(meter => ", " + meter.Column));
    private readonly long _start = start?.ToUnixTimeSeconds() ?? First;
    private readonly Int128[] _priced = new Int128[Tenants * 3];

    public long Rows => (long)workloads * hours;

    /// <summary>Tiers that every tenant has, for three meters.</summary>
    public static Price[] Prices { get; } = [Graduated("cpuSeconds", "Core-Hours"), Graduated("memoryByteSeconds", "GiB-Hours"), Graduated("ioReadBytes", "GiB")];

    public async Task FillAsync(LedgerStore store, CancellationToken cancel)
    {
        await store.WriteAsync(transaction => ConfigureAsync(transaction, cancel), cancel);
        for (var from = 0; from < hours; from += 24)
        {
            var until = Math.Min(from + 24, hours);
            await store.WriteAsync(transaction => transaction.Connection is SqliteConnection sqlite ? FillSqlite(sqlite, from, until) : FillPostgresAsync((NpgsqlConnection)transaction.Connection, from, until, cancel), cancel);
        }

        await store.WriteAsync(transaction => ReceiptsAsync(transaction, cancel), cancel);
    }

    /// <summary>What the month costs, in whole numbers: the tiers of each tenant's whole quantity.</summary>
    public Amount Total()
    {
        var total = Amount.Zero;
        var charges = new List<Charge>();
        for (var i = 0; i < _priced.Length; i++)
        {
            var line = PriceLine.From(Prices[i % 3], "b", 1, "EUR");
            charges.Clear();
            new Cumulative(line.Unit.BaseUnits).AddSum(line, _priced[i], charges);
            foreach (var charge in charges) total += charge.Cost;
        }

        return total;
    }

    /// <summary>Gives all of the month another price, and ends the next one for every host.</summary>
    public static async Task RepriceAsync(LedgerTransaction transaction)
    {
        await transaction.ExecuteAsync("UPDATE price_version SET json = replace(json, '0.05', '0.06')");
        await transaction.ExecuteAsync("UPDATE price_version SET json = replace(json, '0.04', '0.045')");
        await transaction.ExecuteAsync("UPDATE price_version SET json = replace(json, '0.0312345678', '0.0312345679')");
        await transaction.ExecuteAsync("UPDATE price_version SET json = replace(json, '0.02', '0.021')");
        await transaction.ExecuteAsync("UPDATE agent SET last_window_end = @end WHERE host NOT LIKE 'probe%'", ("@end", (First + 70 * 86_400) * 1_000_000));
        await LedgerSnapshot.RaiseAsync(transaction);
    }

    private async Task ConfigureAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        var rules = new List<OwnershipRule>();
        for (var tenant = 0; tenant < Tenants; tenant++)
        {
            transaction.Context.Add(new Tenant { Id = Name(tenant), Name = Name(tenant), PriceBook = "b" });
            rules.Add(new OwnershipRule { Match = new OwnershipMatch { Path = $"/{Name(tenant)}/*" }, Tenant = Name(tenant) });
        }

        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(new PriceVersion { Currency = "EUR", Prices = Prices }, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(cancel);
        for (var w = 0; w < workloads; w++)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO workload (id, host, kind, key, name, path, labels, attributes_from, former, availability, first_seen, last_seen, ended)
                VALUES (@id, @host, 'docker', @key, @key, @path, '{}', @start, 0, '', @start, @start, 0)
                """, ("@id", w + 1L), ("@host", Host(w / PerHost)), ("@key", "w" + w.ToString(CultureInfo.InvariantCulture)), ("@path", PathOf(w)), ("@start", _start));
        }

        for (var host = 0; host < (workloads + PerHost - 1) / PerHost; host++)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO agent (id, host, epoch, committed, last_sequence, first_window_start, last_window_end, last_seen_at, boot_id, labels, cpus, memory_bytes, conservation_failures)
                VALUES (@id, @host, @host, @n, @n, @start, @end, @end, 'b', '{}', 64, 274877906944, 0)
                """, ("@id", host + 1L), ("@host", Host(host)), ("@n", (long)hours), ("@start", _start * 1_000_000), ("@end", (_start + 40 * 86_400) * 1_000_000));
        }

        // The numbers were given here: what ingest makes next comes after them.
        foreach (var table in (string[])["workload", "agent"])
        {
            if (transaction.Store.IsPostgres) await transaction.ExecuteAsync($"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))");
        }

        await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
        await LedgerSnapshot.RaiseAsync(transaction);
    }

    private Task FillSqlite(SqliteConnection connection, int from, int until)
    {
        using var insert = new SqliteStatement(connection, $"INSERT INTO usage (bucket, workload, estimated_us{Columns}) VALUES (?1, ?2, 0{string.Concat(Used.Select((_, i) => $", ?{i + 3}"))})");
        var values = new long[Used.Length];
        for (var hour = from; hour < until; hour++)
        {
            insert.Bind(1, _start + hour * Hour);
            for (var w = 0; w < workloads; w++)
            {
                Values(w, hour, values);
                insert.Bind(2, w + 1);
                for (var i = 0; i < values.Length; i++) insert.Bind(i + 3, values[i]);
                insert.Run();
            }
        }

        return Task.CompletedTask;
    }

    private async Task FillPostgresAsync(NpgsqlConnection connection, int from, int until, CancellationToken cancel)
    {
        await using var copy = await connection.BeginBinaryImportAsync($"COPY usage (bucket, workload, estimated_us{Columns}) FROM STDIN (FORMAT BINARY)", cancel);
        var values = new long[Used.Length];
        for (var hour = from; hour < until; hour++)
        {
            for (var w = 0; w < workloads; w++)
            {
                Values(w, hour, values);
                await copy.StartRowAsync(cancel);
                await copy.WriteAsync(_start + hour * Hour, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(w + 1L, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(0L, NpgsqlDbType.Bigint, cancel);
                foreach (var value in values) await copy.WriteAsync(value, NpgsqlDbType.Bigint, cancel);
            }
        }

        await copy.CompleteAsync(cancel);
    }

    private async Task ReceiptsAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        ILedgerBulk bulk = transaction.Store.IsPostgres ? new PostgresBulk() : new SqliteBulk();
        var values = new long[Used.Length];
        for (var hour = 0; hour < hours; hour++)
        {
            cancel.ThrowIfCancellationRequested();
            var (bucket, bills) = (_start + hour * Hour, new Dictionary<(long Bucket, string Host), Conserved>());
            var coverage = new Dictionary<(long Bucket, string Host), (long Covered, long Expected)>();
            for (var first = 0; first < workloads; first += PerHost)
            {
                var sums = new Conserved();
                for (var w = first; w < Math.Min(first + PerHost, workloads); w++)
                {
                    Values(w, hour, values);
                    for (var i = 0; i < values.Length; i++) sums.Add(Used[i], values[i]);
                }

                var hash = Hash(first / PerHost, hour);
                sums.AddBatch(hash);
                bills[(bucket, Host(first / PerHost))] = sums;
                coverage[(bucket, Host(first / PerHost))] = (Hour * 1_000_000, Hour * 1_000_000);
                await transaction.ExecuteAsync("INSERT INTO receipt (agent, sequence, first_sequence, hash, quarantined, window_start, window_end, received_at) VALUES (@agent, @n, @n, @hash, 0, @start, @end, @end)",
                    ("@agent", first / PerHost + 1L), ("@n", hour + 1L), ("@hash", hash), ("@start", bucket * 1_000_000), ("@end", (bucket + Hour) * 1_000_000));
            }

            await bulk.AddConservationAsync(transaction, bills);
            await bulk.AddCoverageAsync(transaction, coverage);
        }
    }

    private void Values(int w, int hour, long[] values)
    {
        var n = (long)hour * workloads + w;
        values[0] = n * 7919 % 3_600_000_000 + 1;
        values[1] = (n * 104_729 % 4_000_000_000L + 1) * 3600;
        values[2] = 4096L * (w + 1);
        values[3] = n * 15_485_863 % 10_000_000_000;
        values[4] = n * 32_452_843 % 10_000_000_000;
        (values[5], values[6]) = (n % 100_000, n % 50_000);
        (values[7], values[8]) = (3_600_000_000, 4_000_000_000L * 3600);
    }

    /// <summary>Adds up what the prices are for, tenant by tenant.</summary>
    public void Sum()
    {
        var values = new long[Used.Length];
        for (var hour = 0; hour < hours; hour++)
        {
            for (var w = 0; w < workloads; w++)
            {
                Values(w, hour, values);
                var at = w % Tenants * 3;
                (_priced[at], _priced[at + 1], _priced[at + 2]) = (_priced[at] + values[0], _priced[at + 1] + values[1], _priced[at + 2] + values[3]);
            }
        }
    }

    private static byte[] Hash(int host, int hour)
    {
        Span<byte> key = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(key, host);
        BinaryPrimitives.WriteInt32LittleEndian(key[4..], hour);
        return SHA256.HashData(key);
    }

    public static string PathOf(int workload) => $"/{Name(workload % Tenants)}/w{workload}";

    private static string Name(int tenant) => "tenant-" + tenant.ToString("00", CultureInfo.InvariantCulture);

    public static string Host(int host) => "host-" + host.ToString("000", CultureInfo.InvariantCulture);

    private static Price Graduated(string meter, string unit) =>
        new() { Meter = meter, Unit = unit, Model = "graduated", Tiers = [new Tier(1_000, 0.05m), new Tier(10_000, 0.04m), new Tier(100_000, 0.0312345678m), new Tier(null, 0.02m)] };
}
