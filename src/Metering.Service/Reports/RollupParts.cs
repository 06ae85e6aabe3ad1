using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace Metering.Service.Reports;

/// <summary>Table <c>rollup_part</c>; see <see cref="RollupPartSchema"/>.</summary>
internal static class RollupParts
{
    private static readonly byte[] None = [];

    /// <summary>A line as stored: a sum may pass what JSON's numbers hold.</summary>
    private sealed record StoredLine(string Book, int Version, string Sku, int Tier, string Base);

    /// <summary>The parts of a day, in the order of tenant and time.</summary>
    /// <param name="tenant">Null: of all.</param>
    /// <param name="charged">True for what they charge, false for what they used.</param>
    public static async Task<List<RollupPart>> ReadAsync(DbConnection connection, long day, string? tenant, bool charged, CancellationToken cancel)
    {
        var parts = new List<RollupPart>();
        var sql = $"SELECT tenant, from_at, to_at, {(charged ? "state, lines, charged" : "'', '', used")} FROM rollup_part WHERE day = @day{(tenant is null ? "" : " AND tenant = @tenant")} ORDER BY tenant, from_at";
        await using var command = tenant is null ? VerifyRun.Command(connection, sql, ("@day", day)) : VerifyRun.Command(connection, sql, ("@day", day), ("@tenant", tenant));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var bytes = rows.GetFieldValue<byte[]>(5);
            parts.Add(new RollupPart(rows.GetString(0), rows.GetInt64(1), rows.GetInt64(2), rows.GetString(3), charged ? ReadLines(rows.GetString(4)) : [], charged ? bytes : None, charged ? None : bytes));
        }

        return parts;
    }

    /// <summary>Where the parts of each tenant begin on a day, and in which state.</summary>
    public static async Task<List<(string Tenant, long From, string State)>> BeginsAsync(DbConnection connection, long day, CancellationToken cancel)
    {
        var begins = new List<(string Tenant, long From, string State)>();
        await using var command = VerifyRun.Command(connection, "SELECT tenant, from_at, state FROM rollup_part WHERE day = @day ORDER BY tenant, from_at", ("@day", day));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (begins.Count == 0 || begins[^1].Tenant != rows.GetString(0)) begins.Add((rows.GetString(0), rows.GetInt64(1), rows.GetString(2)));
        }

        return begins;
    }

    /// <summary>Replaces the parts of a day.</summary>
    /// <param name="only">Tenants that all of the parts are of; null: those of all are replaced.</param>
    public static async Task ReplaceAsync(LedgerTransaction transaction, long day, IReadOnlyList<RollupPart> parts, IReadOnlySet<string>? only, CancellationToken cancel)
    {
        if (only is null) await transaction.ExecuteAsync("DELETE FROM rollup_part WHERE day = @day", ("@day", day));
        foreach (var tenant in only ?? new HashSet<string>()) await transaction.ExecuteAsync("DELETE FROM rollup_part WHERE day = @day AND tenant = @tenant", ("@day", day), ("@tenant", tenant));
        const string columns = "day, tenant, from_at, to_at, state, lines, charged, used";
        if (transaction.Connection is NpgsqlConnection npgsql)
        {
            await using var copy = await npgsql.BeginBinaryImportAsync($"COPY rollup_part ({columns}) FROM STDIN (FORMAT BINARY)", cancel);
            foreach (var part in parts)
            {
                await copy.StartRowAsync(cancel);
                await copy.WriteAsync(day, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(part.Tenant, NpgsqlDbType.Text, cancel);
                await copy.WriteAsync(part.From, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(part.To, NpgsqlDbType.Bigint, cancel);
                await copy.WriteAsync(part.State, NpgsqlDbType.Text, cancel);
                await copy.WriteAsync(WriteLines(part.Lines), NpgsqlDbType.Text, cancel);
                await copy.WriteAsync(part.Charged, NpgsqlDbType.Bytea, cancel);
                await copy.WriteAsync(part.Used, NpgsqlDbType.Bytea, cancel);
            }

            await copy.CompleteAsync(cancel);
            return;
        }

        using var insert = new SqliteStatement((SqliteConnection)transaction.Connection, $"INSERT INTO rollup_part ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        foreach (var part in parts)
        {
            insert.Bind(1, day);
            insert.Bind(2, part.Tenant);
            insert.Bind(3, part.From);
            insert.Bind(4, part.To);
            insert.Bind(5, part.State);
            insert.Bind(6, WriteLines(part.Lines));
            insert.Bind(7, part.Charged);
            insert.Bind(8, part.Used);
            insert.Run();
        }
    }

    private static string WriteLines(IEnumerable<PartLine> lines) =>
        JsonSerializer.Serialize(lines.Select(line => new StoredLine(line.Book, line.Version, line.Sku, line.Tier, line.Base.ToString(CultureInfo.InvariantCulture))), LedgerJson.Options);

    private static List<PartLine> ReadLines(string json) =>
        [.. (JsonSerializer.Deserialize<List<StoredLine>>(json, LedgerJson.Options) ?? []).Select(line => new PartLine(line.Book, line.Version, line.Sku, line.Tier, Int128.Parse(line.Base, CultureInfo.InvariantCulture)))];
}
