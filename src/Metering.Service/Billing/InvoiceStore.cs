using System.Data.Common;
using Metering.Service.Ledger;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>Tables <c>invoice</c>, <c>voided</c> and <c>period</c>.</summary>
internal static class InvoiceStore
{
    private const long Lock = 0x6d65_7465_7203;

    /// <summary>Whoever issues holds it to the end of the transaction: numbers have no gaps.</summary>
    public static async Task LockAsync(LedgerTransaction transaction)
    {
        if (transaction.Store.IsPostgres) await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(@lock)", ("@lock", Lock));
    }

    public static async Task<long> NextNumberAsync(LedgerTransaction transaction) => (await transaction.ScalarAsync(transaction.Command("SELECT MAX(number) FROM invoice")) ?? 0) + 1;

    /// <summary>Periods of tenants, by currency, that nothing is billed for: the invoice was voided and not issued anew. Corrections wait until it is.</summary>
    /// <param name="issued">All documents, in the order of their numbers.</param>
    public static HashSet<(string Origin, string Tenant, string Currency)> Unbilled(IEnumerable<InvoiceDocument> issued)
    {
        var unbilled = new HashSet<(string, string, string)>();
        foreach (var document in issued)
        {
            if (document.Voids is not null) unbilled.Add((document.Origin, document.Tenant.Id, document.Currency));
            else if (document.Replaces is not null) unbilled.Remove((document.Origin, document.Tenant.Id, document.Currency));
        }

        return unbilled;
    }

    /// <summary>What became of the documents of a tenant, or of all, by number: read from what stands beside them, their own bytes stay.</summary>
    public static async Task<Dictionary<long, InvoiceState>> StatesAsync(DbConnection connection, string? tenant, CancellationToken cancel)
    {
        var states = new Dictionary<long, InvoiceState>();
        var latest = new Dictionary<(string, string, string), InvoiceState>();
        await using var command = VerifyRun.Command(connection,
            "SELECT i.number, i.origin, i.tenant, i.currency, i.cause, i.kind, v.note, v.reason, v.at_us FROM invoice i LEFT JOIN voided v ON v.number = i.number" + (tenant is null ? "" : " WHERE i.tenant = @tenant") + " ORDER BY i.number",
            ("@tenant", tenant ?? ""));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (number, of, cause, kind) = (rows.GetInt64(0), (rows.GetString(1), rows.GetString(2), rows.GetString(3)), rows.GetString(4), rows.GetString(5));
            var state = states[number] = new InvoiceState { Id = InvoiceDocument.IdOf(number) };
            if (!rows.IsDBNull(6)) (state.State, state.VoidedBy, state.Reason, state.VoidedAt) = ("voided", InvoiceDocument.IdOf(rows.GetInt64(6)), rows.GetString(7), Units.UnixTime.FromMicroseconds(rows.GetInt64(8)));
            if (kind == "invoice")
            {
                if (cause.Length > 0 && latest.TryGetValue(of, out var replaced)) replaced.ReplacedBy = state.Id;
                latest[of] = state;
            }
            else if (cause.Length == 0 && latest.TryGetValue(of, out var corrected) && corrected.State == "issued")
            {
                corrected.State = "corrected";
            }
        }

        return states;
    }

    public static Task VoidAsync(LedgerTransaction transaction, long number, long note, string reason, DateTimeOffset at, string actor) => transaction.ExecuteAsync(
        "INSERT INTO voided (number, note, reason, at_us, actor) VALUES (@number, @note, @reason, @at, @actor)", ("@number", number), ("@note", note), ("@reason", reason), ("@at", Units.UnixTime.ToUnixMicroseconds(at)), ("@actor", actor));

    public static Task InsertAsync(LedgerTransaction transaction, InvoiceDocument document, string json, string hash) => transaction.ExecuteAsync(
        "INSERT INTO invoice (number, period, origin, tenant, currency, cause, kind, total, json, hash) VALUES (@number, @period, @origin, @tenant, @currency, @cause, @kind, @total, @json, @hash)",
        ("@number", document.Number), ("@period", document.Period), ("@origin", document.Origin), ("@tenant", document.Tenant.Id), ("@currency", document.Currency), ("@cause", document.Cause), ("@kind", document.Kind),
        ("@total", document.Total.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("@json", json), ("@hash", hash));

    /// <summary>Documents in the order of their numbers.</summary>
    /// <param name="tenant">Null: of all tenants.</param>
    /// <param name="period">The one that issued them; null: all.</param>
    public static async Task<List<InvoiceDocument>> ReadAsync(DbConnection connection, string? tenant, string? period, long after, int limit, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection,
            "SELECT json FROM invoice WHERE number > @after" + (tenant is null ? "" : " AND tenant = @tenant") + (period is null ? "" : " AND period = @period") + " ORDER BY number LIMIT @limit",
            ("@after", after), ("@tenant", tenant ?? ""), ("@period", period ?? ""), ("@limit", (long)limit));
        var documents = new List<InvoiceDocument>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) documents.Add(InvoiceDocument.Read(rows.GetString(0)));
        return documents;
    }

    /// <summary>A document and its bytes as they were issued; null: there is none that the tenant may see.</summary>
    public static async Task<(InvoiceDocument Document, string Json, string Hash)?> FindAsync(DbConnection connection, string id, string? tenant, CancellationToken cancel)
    {
        if (!long.TryParse(id, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)) return null;
        await using var command = VerifyRun.Command(connection, "SELECT json, hash, tenant FROM invoice WHERE number = @number", ("@number", number));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        if (!await rows.ReadAsync(cancel) || (tenant is not null && rows.GetString(2) != tenant)) return null;
        return (InvoiceDocument.Read(rows.GetString(0)), rows.GetString(0), rows.GetString(1));
    }

    /// <summary>Which months are closed; all that a tenant is told of them.</summary>
    public static async Task<HashSet<string>> ClosedAsync(DbConnection connection, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, "SELECT id FROM period");
        var closed = new HashSet<string>(StringComparer.Ordinal);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) closed.Add(rows.GetString(0));
        return closed;
    }

    /// <summary>Closed periods in order.</summary>
    public static async Task<List<ClosedPeriod>> PeriodsAsync(DbConnection connection, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, "SELECT id, manifest, hash, previous, configuration FROM period ORDER BY id");
        var periods = new List<ClosedPeriod>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) periods.Add(new ClosedPeriod(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4)));
        return periods;
    }

    public static Task InsertAsync(LedgerTransaction transaction, ClosedPeriod period) => transaction.ExecuteAsync(
        "INSERT INTO period (id, manifest, hash, previous, configuration) VALUES (@id, @manifest, @hash, @previous, @configuration)",
        ("@id", period.Id), ("@manifest", period.Manifest), ("@hash", period.Hash), ("@previous", period.Previous), ("@configuration", period.Configuration));
}
