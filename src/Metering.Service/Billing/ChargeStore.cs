using System.Data.Common;
using System.Globalization;
using System.Numerics;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace Metering.Service.Billing;

/// <summary>Table <c>charge</c>.</summary>
internal static class ChargeStore
{
    private static readonly Int128 Decimal96 = (Int128.One << 96) - 1;
    private const string Columns = "period, n, origin, tenant, day, workload, sku, book, version, tier, terms_from, currency, unit, price, nano, base, used, reserved, from_at, to_at, kind, cause";
    private const string Select = "SELECT period, n, origin, tenant, day, workload, sku, book, version, tier, terms_from, currency, unit, price, CAST(nano AS TEXT), CAST(base AS TEXT), CAST(used AS TEXT), CAST(reserved AS TEXT), from_at, to_at, kind, cause FROM charge";

    /// <summary>What tells charges that are issued from those that are written and wait for it: their period is closed, or there is the document by which they were made. Every reader asks for it.</summary>
    internal const string Issued = "(cause = '' AND period IN (SELECT id FROM period) OR cause <> '' AND cause IN (SELECT cause FROM invoice WHERE cause <> ''))";

    /// <summary>Stores those from one index up to another.</summary>
    public static async Task InsertAsync(LedgerTransaction transaction, IReadOnlyList<ChargeEntry> charges, int from, int to)
    {
        if (!transaction.Store.IsPostgres)
        {
            InsertSqlite((SqliteConnection)transaction.Connection, charges, from, to);
            return;
        }

        await InsertPostgresAsync((NpgsqlConnection)transaction.Connection, charges, from, to);
    }

    /// <summary>By a condition on its columns, in the order of the numbers.</summary>
    public static async IAsyncEnumerable<ChargeEntry> ReadAsync(DbConnection connection, string condition, string value, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        await using var command = Verification.VerifyRun.Command(connection, $"{Select} WHERE {condition} AND {Issued} ORDER BY period, n", ("@value", value));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var texts = new ChargeTexts();
        while (await rows.ReadAsync(cancel)) yield return Read(rows, texts);
    }

    /// <summary>Those that a document is made of, in the order of their numbers.</summary>
    /// <param name="after">The number that they come after.</param>
    public static async IAsyncEnumerable<ChargeEntry> OfAsync(DbConnection connection, InvoiceDocument document, long after, int limit, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        await using var command = Verification.VerifyRun.Command(
            connection, $"{Select} WHERE period = @period AND n > @after AND tenant = @tenant AND currency = @currency AND origin = @origin AND cause = @cause AND {Issued} ORDER BY n LIMIT @limit",
            ("@period", document.Period), ("@after", after), ("@tenant", document.Tenant.Id), ("@currency", document.Currency), ("@origin", document.Origin), ("@cause", document.Cause), ("@limit", (long)limit));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var texts = new ChargeTexts();
        while (await rows.ReadAsync(cancel)) yield return Read(rows, texts);
    }

    /// <summary>By its id, such as <c>2026-11-17</c>; null: there is none.</summary>
    public static async Task<ChargeEntry?> FindAsync(DbConnection connection, string id, CancellationToken cancel)
    {
        var cut = id.LastIndexOf('-');
        if (cut < 0 || !long.TryParse(id.AsSpan(cut + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var n)) return null;
        await using var command = Verification.VerifyRun.Command(connection, $"{Select} WHERE period = @period AND n = @n AND {Issued}", ("@period", id[..cut]), ("@n", n));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        return await rows.ReadAsync(cancel) ? Read(rows, new ChargeTexts()) : null;
    }

    private static ChargeEntry Read(DbDataReader row, ChargeTexts texts) => new(
        texts.Of(new ChargeHeading(row.GetString(0), row.GetString(2), row.GetString(3), row.GetString(6), row.GetString(7), (int)row.GetInt64(8), (int)row.GetInt64(9), row.IsDBNull(10) ? null : row.GetInt64(10),
            row.GetString(11), row.GetString(12), row.GetInt64(13), row.GetString(20), row.GetString(21))),
        texts.Of(row.GetString(4)), row.GetInt64(5), Wide(row.GetString(14)), Wide(row.GetString(15)), row.GetInt64(18), row.GetInt64(19))
    {
        N = row.GetInt64(1),
        Used = row.IsDBNull(16) ? null : Wide(row.GetString(16)),
        Reserved = row.IsDBNull(17) ? null : Wide(row.GetString(17)),
    };

    private static void InsertSqlite(SqliteConnection connection, IReadOnlyList<ChargeEntry> charges, int from, int to)
    {
        using var insert = new SqliteStatement(connection, $"INSERT INTO charge ({Columns}) VALUES ({string.Join(", ", Enumerable.Range(1, 22).Select(i => "?" + i.ToString(CultureInfo.InvariantCulture)))})");
        for (var i = from; i < to; i++)
        {
            var one = charges[i];
            insert.Bind(1, one.Period);
            insert.Bind(2, one.N);
            insert.Bind(3, one.Origin);
            insert.Bind(4, one.Tenant);
            insert.Bind(5, one.Day);
            insert.Bind(6, one.Workload);
            insert.Bind(7, one.Sku);
            insert.Bind(8, one.Book);
            insert.Bind(9, one.Version);
            insert.Bind(10, one.Tier);
            if (one.TermsFrom is { } terms) insert.Bind(11, terms);
            else insert.BindNull(11);
            insert.Bind(12, one.Currency);
            insert.Bind(13, one.Unit);
            insert.Bind(14, one.Price);
            insert.Bind(15, Text(one.Nano)!);
            insert.Bind(16, Text(one.Base)!);
            Bind(17, one.Used);
            Bind(18, one.Reserved);
            insert.Bind(19, one.From);
            insert.Bind(20, one.To);
            insert.Bind(21, one.Kind);
            insert.Bind(22, one.Cause);
            insert.Run();
        }

        void Bind(int position, Int128? value)
        {
            if (value is { } known) insert.Bind(position, Text(known)!);
            else insert.BindNull(position);
        }
    }

    private static async Task InsertPostgresAsync(NpgsqlConnection connection, IReadOnlyList<ChargeEntry> charges, int from, int to)
    {
        await using var copy = await connection.BeginBinaryImportAsync($"COPY charge ({Columns}) FROM STDIN (FORMAT BINARY)");
        for (var i = from; i < to; i++)
        {
            var one = charges[i];
            await copy.StartRowAsync();
            await copy.WriteAsync(one.Period, NpgsqlDbType.Text);
            await copy.WriteAsync(one.N, NpgsqlDbType.Bigint);
            await copy.WriteAsync(one.Origin, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Tenant, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Day, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Workload, NpgsqlDbType.Bigint);
            await copy.WriteAsync(one.Sku, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Book, NpgsqlDbType.Text);
            await copy.WriteAsync((long)one.Version, NpgsqlDbType.Bigint);
            await copy.WriteAsync((long)one.Tier, NpgsqlDbType.Bigint);
            await (one.TermsFrom is { } terms ? copy.WriteAsync(terms, NpgsqlDbType.Bigint) : copy.WriteNullAsync());
            await copy.WriteAsync(one.Currency, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Unit, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Price, NpgsqlDbType.Bigint);
            await NumericAsync(copy, one.Nano);
            await NumericAsync(copy, one.Base);
            await NumericAsync(copy, one.Used);
            await NumericAsync(copy, one.Reserved);
            await copy.WriteAsync(one.From, NpgsqlDbType.Bigint);
            await copy.WriteAsync(one.To, NpgsqlDbType.Bigint);
            await copy.WriteAsync(one.Kind, NpgsqlDbType.Text);
            await copy.WriteAsync(one.Cause, NpgsqlDbType.Text);
        }

        await copy.CompleteAsync();
    }

    // A decimal needs no memory of its own, and holds nearly all of them.
    private static Task NumericAsync(NpgsqlBinaryImporter copy, Int128? value) => value is not { } known ? copy.WriteNullAsync()
        : known >= -Decimal96 && known <= Decimal96 ? copy.WriteAsync((decimal)known, NpgsqlDbType.Numeric) : copy.WriteAsync((BigInteger)known, NpgsqlDbType.Numeric);

    private static string? Text(Int128? value) => value?.ToString(CultureInfo.InvariantCulture);

    // Nearly all fit 64 bits, which are read in a quarter of the time.
    private static Int128 Wide(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var small) ? small : Int128.Parse(text, CultureInfo.InvariantCulture);
}
