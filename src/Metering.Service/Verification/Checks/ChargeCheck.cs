using System.Runtime.CompilerServices;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Verification.Checks;

/// <summary>The charges of each closed period, with their corrections, are what its usage costs by the prices. A period that late usage or another configuration waits for is told, not judged: its next closing corrects it.</summary>
internal sealed class ChargeCheck : IVerifyCheck
{
    public string Name => "charges";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        List<ClosedPeriod> closed;
        await using (var connection = await run.Store.OpenReadAsync(cancel)) closed = await InvoiceStore.PeriodsAsync(connection, cancel);
        for (var i = 0; i < closed.Count; i++)
        {
            var (fault, note) = await CompareAsync(run, closed, closed[i].Id, cancel);
            yield return new VerifyEvent(Name, i + 1, closed.Count) { Discrepancy = fault, Note = note };
        }
    }

    private static async Task<(Discrepancy? Fault, string? Note)> CompareAsync(VerifyRun run, List<ClosedPeriod> all, string id, CancellationToken cancel)
    {
        if (!BillingPeriod.TryParse(id, out var period)) return (new Discrepancy("period", $"id={id}", "it is no month"), null);
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(run.Store, connection, snapshot);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var (start, end) = RatedPeriod.Bounds(period, prices);
        if ((await LateUsage.ReadAsync(view, cancel)).Any(mark => mark.Bucket >= start && mark.Bucket < end)) return (null, $"{period} has late usage; the next closing bills it as a correction");
        if (await PeriodDrafter.ConfigurationAsync(view, start, end, cancel) != ClosedPeriod.RatedBy(all, id)) return (null, $"{period} was rated by other prices, contracts or rules; the next closing bills the difference, if there is one");

        var anew = await RatedPeriod.ReadAsync(view, period, prices, run.Options, cancel);
        var stored = await ChargeSums.ReadAsync(connection, period, cancel);
        var unbilled = InvoiceStore.Unbilled(await InvoiceStore.ReadAsync(connection, null, null, 0, int.MaxValue, cancel));
        foreach (var charge in anew.Charges)
        {
            if (unbilled.Contains((id, charge.Tenant, charge.Currency))) continue;
            if (stored.Take(charge) is { } difference)
                return (new Discrepancy("charge", Key(charge), $"the usage costs {difference.Cost} {charge.Currency} more than is charged: a quantity of {charge.Quantity} {charge.Unit}, {charge.Base} in base units, was to be expected"), null);
        }

        return stored.Gone().FirstOrDefault() is { } gone ? (new Discrepancy("charge", Key(gone), $"{-gone.Cost} {gone.Currency} are charged, no usage costs them"), null) : (null, null);
    }

    private static string Key(ChargeEntry charge) => $"period={charge.Origin} tenant={charge.Tenant} day={charge.Day} workload={charge.Workload} sku={charge.Sku} tier={charge.Tier}";
}
