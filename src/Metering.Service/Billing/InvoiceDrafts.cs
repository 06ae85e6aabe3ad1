using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>Drafts: what open months would issue if they were closed now. The same figures as <see cref="PeriodReport"/> shows.</summary>
internal sealed class InvoiceDrafts(LedgerStore store, PeriodDrafter drafter, TimeProvider clock)
{
    private const string Prefix = "draft-";

    public static bool IsName(string id) => id.StartsWith(Prefix, StringComparison.Ordinal);

    /// <param name="period">Null: the current month (UTC), and the one before while it is open.</param>
    /// <param name="tenant">Null: all.</param>
    public async Task<List<InvoiceDocument>> ListAsync(BillingPeriod? period, string? tenant, CancellationToken cancel)
    {
        var closed = await ClosedAsync(cancel);
        var now = clock.GetUtcNow();
        var current = new BillingPeriod(now.Year, now.Month);
        var drafts = new List<InvoiceDocument>();
        foreach (var month in period is { } one ? [one] : (BillingPeriod[])[current.Previous, current])
        {
            if (!closed.Contains(month.ToString())) drafts.AddRange((await drafter.DocumentsAsync(month, cancel)).Of(tenant).Documents.Select(document => document.AsDraft()));
        }

        return drafts;
    }

    /// <summary>Null when nobody, or another tenant, would get such a document.</summary>
    public async Task<InvoiceDocument?> FindAsync(string id, string? tenant, CancellationToken cancel) =>
        id.Length > Prefix.Length + 7 && BillingPeriod.TryParse(id.Substring(Prefix.Length, 7), out var period) ? (await ListAsync(period, tenant, cancel)).Find(one => one.Id == id) : null;

    private async Task<HashSet<string>> ClosedAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        return await InvoiceStore.ClosedAsync(connection, cancel);
    }
}
