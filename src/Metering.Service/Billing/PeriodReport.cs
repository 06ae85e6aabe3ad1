using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>Shows a period: what it has issued, or what it would issue if it were closed now.</summary>
internal sealed class PeriodReport(LedgerStore store, PeriodDrafter drafter, PeriodCloser closer)
{
    public async Task<PeriodView> ShowAsync(BillingPeriod period, Caller caller, CancellationToken cancel)
    {
        // The manifest names every tenant's documents; its bounds and its hash are for all.
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        if ((await InvoiceStore.PeriodsAsync(connection, cancel)).Find(one => one.Id == period.ToString()) is { } closed)
        {
            var manifest = PeriodManifest.Read(closed.Manifest);
            await store.EnterAsync(connection, caller, cancel);
            var issued = await InvoiceStore.ReadAsync(connection, caller.Tenant, closed.Id, 0, int.MaxValue, cancel);
            return new PeriodView(closed.Id, "closed", manifest.Start, manifest.End, [], [], caller.Tenant is null ? [.. manifest.Corrected.Keys] : [], issued, closed.Hash);
        }

        var draft = (await drafter.DocumentsAsync(period, cancel)).Of(caller.Tenant);
        var (faults, _) = caller.Tenant is null ? await closer.ObstaclesAsync(period, [], cancel) : ([], []);
        var hosts = caller.Tenant is null ? await HostCoverage.ReadAsync(connection, draft.Start, draft.End, cancel) : [];
        return new PeriodView(
            period.ToString(), "open", DateTimeOffset.FromUnixTimeSeconds(draft.Start), DateTimeOffset.FromUnixTimeSeconds(draft.End), [.. faults.Select(fault => fault.ToString())], hosts,
            caller.Tenant is null ? [.. draft.Corrected] : [], [.. draft.Before.Concat(draft.Documents.Select(document => document.AsDraft()))], null);
    }
}
