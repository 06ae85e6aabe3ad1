using System.Data.Common;
using Metering.Service.Ledger;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>Tables <c>invoice</c> and <c>period</c>.</summary>
internal static class InvoiceStore
{
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

    /// <summary>What notes were issued for.</summary>
    public static async Task<HashSet<(string Origin, string Tenant, string Currency)>> CorrectedAsync(DbConnection connection, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, "SELECT DISTINCT origin, tenant, currency FROM invoice WHERE origin <> period");
        var corrected = new HashSet<(string, string, string)>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) corrected.Add((rows.GetString(0), rows.GetString(1), rows.GetString(2)));
        return corrected;
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
