using System.Globalization;
using System.Security.Claims;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Metering.Service.Verification.Checks;
using NodaTime;

namespace Metering.Service.Billing;

/// <summary>
/// Closes periods. First a mark is set: whatever usage is written for the period from then on is noted as late. Then charges and documents are made from one view of the ledger,
/// and one transaction stores them all with numbers and manifest, or nothing. Late usage may be in that view or not: the next closing rates the period anew and issues the difference,
/// so closing twice, at once from two places, or again after a kill issues each document once, with the same bytes from the same usage.
/// </summary>
internal sealed class PeriodCloser(LedgerStore store, LedgerOptions options, PeriodDrafter drafter, TimeProvider clock, ClosingProgress? progress = null)
{
    private readonly ClosingProgress _progress = progress ?? new ClosingProgress();

    /// <summary>Each attempt but the last met a change of configuration or another closing.</summary>
    private const int MaxAttempts = 10;

    /// <summary>Open months that are looked at.</summary>
    private const int MaxOpen = 24;

    /// <summary>Called at named moments; tests crash there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    internal int? PieceRows { get; init; }

    /// <summary>The period, as it was closed now or before. Throws <see cref="RuleBrokenException"/> with all that stands in the way.</summary>
    /// <param name="waive">Hosts whose missing usage is accepted; it is audited, and billed as a correction should it come.</param>
    public async Task<ClosedPeriod> CloseAsync(BillingPeriod period, IReadOnlyList<string> waive, ClaimsPrincipal who, CancellationToken cancel)
    {
        using var teller = _progress.Begin(period);
        for (var attempt = 1; ; attempt++)
        {
            if (await FindAsync(period, cancel) is { } closed) return closed;
            var (faults, waivers) = await ObstaclesAsync(period, waive, cancel);

            // Another closing may have been first between the two looks.
            if (faults.Count > 0 && await FindAsync(period, cancel) is { } meanwhile) return meanwhile;
            RuleBrokenException.ThrowIfAny(faults);
            var end = await EndAsync(period, cancel);
            await store.WriteAsync(transaction => LedgerGate.BillUntilAsync(transaction, end), cancel);
            FaultPoint?.Invoke("begun");
            var draft = await drafter.DraftAsync(period, cancel, prove: true, teller);
            if (attempt == 1) RuleBrokenException.ThrowIfAny(await ConservationAsync(draft.Rated, cancel));
            FaultPoint?.Invoke("drafted");
            try
            {
                if (await IssueAsync(draft, waivers, who, teller, cancel) is { } issued)
                {
                    FaultPoint?.Invoke("after commit");
                    return issued;
                }
            }
            catch (LedgerConflictException) when (attempt < MaxAttempts)
            {
                // Another closing was first.
            }

            if (attempt >= MaxAttempts) throw new LedgerUnavailableException($"{period} could not be closed: prices, contracts, rules or invoices changed while it was rated, {MaxAttempts} times; close it again.");
        }
    }

    /// <summary>All that stands in the way of closing but conservation, which takes reading every batch; and the hosts that are waived, now or since they were before and have sent nothing more.</summary>
    public async Task<(List<Fault> Faults, List<string> Waivers)> ObstaclesAsync(BillingPeriod period, IReadOnlyList<string> waive, CancellationToken cancel)
    {
        var faults = new List<Fault>();
        await using var connection = await store.OpenReadAsync(cancel);
        var zones = await ZonesAsync(connection, cancel);
        var (start, end) = (zones.Min(zone => period.Bounds(zone).Start), zones.Max(zone => period.Bounds(zone).End));
        if (clock.GetUtcNow().ToUnixTimeSeconds() < end) faults.Add(new Fault("", $"{period} is not over before {At(end)}, when it ends in the last zone; close it then."));
        var last = (await InvoiceStore.PeriodsAsync(connection, cancel)).LastOrDefault();
        if (await FirstOpenAsync(connection, last, zones, cancel) is { } first && first != period) faults.Add(new Fault("", first < period ? $"{first} is not closed; close it first." : $"{period} lies before what was closed first; its usage is billed as corrections."));

        var hosts = await HostCoverage.ReadAsync(connection, start, end, cancel);
        foreach (var name in waive.Where(name => hosts.All(host => host.Host != name))) faults.Add(new Fault("waive", $"names '{name}', and there is no such host; 'metering periods show {period}' lists them."));
        var before = last is null ? null : PeriodManifest.Read(last.Manifest);
        var waivers = new List<string>();
        foreach (var host in hosts.Where(host => !host.Covered))
        {
            if (waive.Contains(host.Host)) waivers.Add(host.Host);
            else if (host.QuarantinedBatches > 0) faults.Add(new Fault("", $"Host '{host.Host}' has {host.QuarantinedBatches} batches in quarantine that may bill to {period}; 'metering quarantine list' tells why, 'metering quarantine replay' takes what can be taken now, or waive the host by name."));
            else if (before is not null && before.Waivers.Contains(host.Host) && host.Watermark < before.End) waivers.Add(host.Host);
            else faults.Add(new Fault("", $"Host '{host.Host}' is metered up to {At(host.Watermark.ToUnixTimeSeconds())}{(host.MissingBatches > 0 ? $" with {host.MissingBatches} batches missing" : "")}, not to {At(end)}; wait for its agent, or waive the host by name."));
        }

        return (faults, waivers);
    }

    /// <summary>The months from the newest to the oldest: those that are open, at most <see cref="MaxOpen"/>, and those that are closed.</summary>
    public async Task<List<PeriodOutlook>> OutlookAsync(CancellationToken cancel)
    {
        var months = new List<PeriodOutlook>();
        await using var connection = await store.OpenReadAsync(cancel);
        var zones = await ZonesAsync(connection, cancel);
        var closed = await InvoiceStore.PeriodsAsync(connection, cancel);
        var now = clock.GetUtcNow();
        var first = await FirstOpenAsync(connection, closed.LastOrDefault(), zones, cancel);
        for (var month = first; month <= new BillingPeriod(now.Year, now.Month) && months.Count < MaxOpen; month = month?.Next)
        {
            var period = month.Value;
            var (start, end) = (zones.Min(zone => period.Bounds(zone).Start), zones.Max(zone => period.Bounds(zone).End));
            var (faults, _) = await ObstaclesAsync(period, [], cancel);
            months.Add(new PeriodOutlook(period.ToString(), false, period == first, UnixTime(start), UnixTime(end), [.. faults.Select(fault => fault.ToString())], await HostCoverage.ReadAsync(connection, start, end, cancel), null, null));
        }

        foreach (var one in closed)
        {
            var manifest = PeriodManifest.Read(one.Manifest);
            months.Add(new PeriodOutlook(one.Id, true, false, manifest.Start, manifest.End, [], [], manifest, one.Hash));
        }

        return [.. months.OrderByDescending(month => month.Period, StringComparer.Ordinal)];

        static DateTimeOffset UnixTime(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds);
    }

    private async Task<ClosedPeriod?> FindAsync(BillingPeriod period, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        return (await InvoiceStore.PeriodsAsync(connection, cancel)).Find(one => one.Id == period.ToString());
    }

    private async Task<long> EndAsync(BillingPeriod period, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        return (await ZonesAsync(connection, cancel)).Max(zone => period.Bounds(zone).End);
    }

    // Null: any may be the first, there is no usage.
    private static async Task<BillingPeriod?> FirstOpenAsync(System.Data.Common.DbConnection connection, ClosedPeriod? last, IReadOnlyList<DateTimeZone> zones, CancellationToken cancel)
    {
        if (last is not null && BillingPeriod.TryParse(last.Id, out var closed)) return closed.Next;
        await using var command = VerifyRun.Command(connection, "SELECT MIN(bucket) FROM usage");
        return await command.ExecuteScalarAsync(cancel) is { } value and not DBNull ? zones.Min(zone => TenantCalendar.PeriodOf(Convert.ToInt64(value, CultureInfo.InvariantCulture), zone).Period) : null;
    }

    private static async Task<IReadOnlyList<DateTimeZone>> ZonesAsync(System.Data.Common.DbConnection connection, CancellationToken cancel)
    {
        var zones = new List<DateTimeZone>();
        await using var command = VerifyRun.Command(connection, "SELECT DISTINCT time_zone FROM tenant");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) zones.Add(TenantCalendar.Zone(rows.GetString(0)));
        return zones.Count == 0 ? [DateTimeZone.Utc] : zones;
    }

    // Σ ledger = Σ batches, in every bucket. The draft has held usage against what was counted at ingest; batches are read only of a bucket where that differs, to tell what, and of those before it was counted.
    private async Task<List<Fault>> ConservationAsync(RatedPeriod rated, CancellationToken cancel)
    {
        long counted;
        await using (var connection = await store.OpenReadAsync(cancel)) counted = await ConservationTally.FromAsync(connection, cancel);
        if (rated.Start < counted && await DiscrepancyAsync(rated.Start, Math.Min(rated.End, counted), cancel) is { } early) return [early];
        if (rated.Unproved is not { } found) return [];
        return [await DiscrepancyAsync(found.Bucket, found.Bucket + 1, cancel) ?? Broken($"bucket={found.Bucket} host={found.Host}: {found.Detail}")];
    }

    private async Task<Fault?> DiscrepancyAsync(long from, long to, CancellationToken cancel)
    {
        var run = new VerifyRun(store, options) { From = from, To = to };
        await run.BeginAsync(cancel);
        await foreach (var one in new UsageCheck().RunAsync(run, cancel))
        {
            if (one.Discrepancy is { } found) return Broken($"table {found.Table}, {found.Key}: {found.Detail}");
        }

        return null;
    }

    private static Fault Broken(string what) => new("", $"The ledger is not what the batches add up to: {what}; see 'metering verify'.");

    // Null: it has changed since the draft was made, or is closed. What takes long is done before the transaction.
    private async Task<ClosedPeriod?> IssueAsync(PeriodDraft draft, IReadOnlyList<string> waivers, ClaimsPrincipal who, IProgress<ClosingProgress.Step> progress, CancellationToken cancel)
    {
        var manifest = draft.Manifest(waivers).Json();
        var period = new ClosedPeriod(draft.Period.ToString(), manifest, PeriodManifest.Hash(manifest), draft.Previous, draft.Configuration);
        await store.Issuing.WaitAsync(cancel);
        try
        {
            if (!await store.WriteAsync(transaction => HoldsAsync(transaction, draft), cancel)) return null;
            progress.Report(new ClosingProgress.Step("issuing", 0, store.IsPostgres ? 0 : draft.Charges.Count));
            await ChargeStage.WriteAsync(store, draft.Charges, PieceRows, FaultPoint, progress, cancel);
            return await store.WriteAsync(transaction => IssueAsync(transaction, draft, period, waivers, who), cancel);
        }
        catch (LedgerUnavailableException)
        {
            await ChargeStage.ClearQuietlyAsync(store);
            throw;
        }
        finally
        {
            store.Issuing.Release();
        }
    }

    private static async Task<bool> HoldsAsync(LedgerTransaction transaction, PeriodDraft draft)
    {
        var last = (await InvoiceStore.PeriodsAsync(transaction.Connection, CancellationToken.None)).LastOrDefault();
        return (last?.Hash ?? "") == draft.Previous && await LedgerSnapshot.RevisionAsync(transaction) == draft.Revision && await InvoiceStore.NextNumberAsync(transaction) == draft.FirstNumber;
    }

    private async Task<ClosedPeriod?> IssueAsync(LedgerTransaction transaction, PeriodDraft draft, ClosedPeriod period, IReadOnlyList<string> waivers, ClaimsPrincipal who)
    {
        await InvoiceStore.LockAsync(transaction);
        if (!await HoldsAsync(transaction, draft)) return null;
        await ChargeStage.FinishAsync(transaction, draft.Charges);
        FaultPoint?.Invoke("charges stored");
        foreach (var document in draft.Documents)
        {
            var json = document.Json();
            await InvoiceStore.InsertAsync(transaction, document, json, PeriodManifest.Hash(json));
            FaultPoint?.Invoke("invoice stored");
        }

        await InvoiceStore.InsertAsync(transaction, period);
        await LateUsage.ClearAsync(transaction, draft.Late);
        await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), who, waivers.Count > 0 ? "period.closed-with-waivers" : "period.closed", period.Id, null, AuditTrail.Text(new { period.Hash, waivers }));
        FaultPoint?.Invoke("before commit");
        return period;
    }

    private static string At(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
