using System.IO.Pipelines;
using Metering.Service.Access;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Focus;

/// <summary>
/// Streams a period as FOCUS. Cost and Usage: charges that stay days; usage hour by hour; then, by document, the lines of the contract, tax and credits, and what rounding adds. Σ BilledCost of a document's rows
/// is its total, always: what rows do not explain is a row of its own. Memory: workloads and prices, not rows; an open period is drafted first, which holds its charges.
/// </summary>
internal sealed class FocusExport(LedgerStore store, LedgerOptions ledger, PeriodDrafter drafter, FocusOptions options, TimeProvider clock)
{
    /// <summary>Writes the dataset, header first, and completes nothing: the caller owns the pipe. The number of rows without the header.</summary>
    public async Task<long> WriteAsync(FocusRequest request, PipeWriter output, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var period = await FocusPeriod.ReadAsync(view, request, ledger, drafter, clock.GetUtcNow(), cancel);
        var csv = new FocusCsv(output);
        if (request.Dataset == FocusDataset.BillingPeriods) FocusInvoices.Periods(period, csv, options);
        else if (request.Dataset == FocusDataset.InvoiceDetails) await InvoiceDetailsAsync(period, csv, cancel);
        else await CostAndUsageAsync(period, csv, cancel);
        await csv.FlushAsync(cancel);
        return csv.Rows - 1;
    }

    /// <summary>The metadata that goes with the datasets of the request.</summary>
    public async Task<string> MetadataAsync(FocusRequest request, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(request.Caller, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var isClosed = (await InvoiceStore.ClosedAsync(connection, cancel)).Contains(request.Period.ToString());
        var sectors = prices.Tenants.Keys.Where(tenant => request.Tenant is null || request.Tenant == tenant).Select(tenant => request.Period.Bounds(prices.ZoneOf(tenant))).Distinct().Order().ToList();
        return FocusMetadata.Write(request, isClosed, isClosed ? await FocusPeriod.ClosedAtAsync(view, request.Period.ToString()) ?? clock.GetUtcNow() : clock.GetUtcNow(), sectors);
    }

    /// <summary>Writes all datasets of the profile and checks each as it is written; nothing is kept of them.</summary>
    public async Task<FocusConformance> CheckAsync(FocusRequest request, bool isSelection, CancellationToken cancel)
    {
        var checker = new FocusChecker(request.Profile, isSelection);
        foreach (var dataset in FocusDataset.Of(request.Profile))
        {
            var pipe = new Pipe();
            var columns = dataset == request.Dataset ? request.Columns : [.. dataset.Columns.Where(column => column.IsIn(request.Profile))];
            var reading = checker.Begin(dataset).ReadAsync(pipe.Reader, cancel);
            try
            {
                await WriteAsync(request with { Dataset = dataset, Columns = columns }, pipe.Writer, cancel);
                await pipe.Writer.CompleteAsync();
            }
            catch (Exception e)
            {
                await pipe.Writer.CompleteAsync(e);
                await reading.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                throw;
            }

            await reading;
            checker.End();
        }

        return checker.Report();
    }

    /// <summary>About how many rows Cost and Usage will have; null: not known before it is written.</summary>
    public async Task<long?> ExpectAsync(FocusRequest request, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        if (request.Tenant is not null || (await InvoiceStore.PeriodsAsync(connection, cancel)).Find(one => one.Id == request.Period.ToString()) is not { } closed) return null;
        var manifest = PeriodManifest.Read(closed.Manifest);
        if (request.Grain == FocusGrain.Day) return manifest.Charges;

        // Each row of usage has a row for each of its prices; the documents tell of how many there are.
        var documents = await InvoiceStore.ReadAsync(connection, null, closed.Id, 0, 1_000, cancel);
        var (from, to) = (manifest.Start.ToUnixTimeSeconds(), manifest.End.ToUnixTimeSeconds());
        return FocusHours.Expected(manifest.UsageRows, await LedgerGrain.ReadAsync(connection, null, ledger, cancel), from, to) * Math.Max(1, documents.Select(document => document.Lines.Where(line => line.Kind == "usage").Select(line => line.Text).Distinct(StringComparer.Ordinal).Count()).DefaultIfEmpty(1).Max());
    }

    private async Task InvoiceDetailsAsync(FocusPeriod period, FocusCsv csv, CancellationToken cancel)
    {
        await period.PlanAsync(null, cancel);
        FocusInvoices.Details(period, csv, options);
    }

    private async Task CostAndUsageAsync(FocusPeriod period, FocusCsv csv, CancellationToken cancel)
    {
        var writer = new FocusWriter(csv, period.Request.Profile, period.Request.Columns, options);
        var resources = await FocusResources.ReadAsync(period.View, cancel);
        var days = new FocusDays(period);
        var hourly = period.Request.Grain == FocusGrain.Hour;
        await period.PlanAsync(hourly ? days.Count : null, cancel);
        var bounds = period.Tenants.Select(tenant => (period.AccountOf(tenant).Start, period.AccountOf(tenant).End)).DefaultIfEmpty(period.Request.Period.Bounds(NodaTime.DateTimeZone.Utc)).ToList();
        var (from, to) = (bounds.Min(one => one.Item1), bounds.Max(one => one.Item2));
        TraitsHistory? traits = null;
        if (hourly)
        {
            if (period.Prices.AsksTraits) traits = await TraitsReader.ReadAsync(period.View.Connection, cancel);
            await days.RateAsync(new Rater(period.Prices, traits), from, to, cancel);
        }

        await foreach (var charge in period.ChargesAsync(cancel))
        {
            if (hourly && days.Has(charge)) continue;
            Day(period, writer, resources, charge);
            if (csv.IsFull) await csv.FlushAsync(cancel);
        }

        if (hourly) await new FocusHours(period, days, resources, writer, csv).WriteAsync(new Rater(period.Prices, traits), from, to, cancel);
        foreach (var bill in period.Bills)
        {
            Lines(bill, writer);
            if (csv.IsFull) await csv.FlushAsync(cancel);
        }
    }

    private static void Day(FocusPeriod period, FocusWriter writer, FocusResources resources, ChargeEntry charge)
    {
        var bill = period.BillOf(charge);
        var (start, end) = bill.Account.Day(charge.Day);
        var id = period.IsClosed ? FocusCsv.Field(charge.Id) : [];

        if (bill.IsCut(start, end)) (start, end) = (Math.Max(start, charge.From), Math.Min(end, charge.To));
        var line = bill.Line(charge.Sku, charge.Book, charge.Version, charge.Tier, charge.Price, charge.TermsFrom);
        writer.Charge(bill, line, period.SkuOf(charge), resources.Find(charge.Workload), charge.From, start, end, charge.Nano, charge.Base, charge.Used, charge.Reserved, id);
    }

    private static void Lines(FocusBill bill, FocusWriter writer)
    {
        var commitment = -1;
        foreach (var (line, group) in bill.Others())
        {
            if (line.Kind == "commitmentPurchase") commitment++;
            writer.Line(bill, line, group, line.Kind.StartsWith("commitment", StringComparison.Ordinal) ? bill.Commitments.ElementAtOrDefault(Math.Clamp(commitment, 0, Math.Max(0, bill.Commitments.Count - 1))) : null);
        }

        foreach (var group in bill.Groups) writer.Close(bill, group);
    }
}
