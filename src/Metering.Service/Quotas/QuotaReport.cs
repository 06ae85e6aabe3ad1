using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Quotas;

/// <summary>Quotas with their figures and their history, as of one view of the ledger.</summary>
internal sealed class QuotaReport(LedgerStore store, LedgerOptions options, TimeProvider clock)
{
    /// <summary>Those the caller may see, by id; or one of them.</summary>
    public async Task<List<QuotaView>> ListAsync(Caller caller, string? id, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(caller, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var catalogue = await QuotaCatalogue.LoadAsync(view.Context, cancel, isWhole: caller.Tenant is null);
        var grain = await LedgerGrain.ReadAsync(view, options);
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        var quotas = catalogue.Quotas.Where(quota => (id is null || quota.Id == id) && (caller.Tenant is null || caller.Tenant == quota.Document.Subject.Tenant)).ToList();
        var counting = await QuotaCount.ReadAsync(view, cancel);
        var clocks = await QuotaLedger.ClocksAsync(view, cancel);
        var states = await QuotaLedger.OpenStatesAsync(view, cancel);
        var figures = await FiguresAsync(view, caller, [.. quotas.Select(quota => (quota.Id, From(quota)))], cancel);
        return quotas.ConvertAll(quota => View(catalogue, quota, [.. figures[quota.Id]], [.. states[quota.Id]], grain, clocks.GetValueOrDefault(quota.Id)?.JudgedTo ?? now, now, counting.ContainsKey(quota.Id)));

        long From(CompiledQuota quota) => quota.Slots == QuotaSlots.Minutes ? LastMinute(clocks.GetValueOrDefault(quota.Id)?.JudgedTo ?? now) : Math.Min(quota.WindowOf(now).Start, QuotaMeasure.Need(quota, [], now, grain, now));
    }

    // Growth that waits is every tenant's in one: the service reads it for those quotas that the caller was found to see.
    private async Task<ILookup<string, QuotaFigure>> FiguresAsync(LedgerTransaction view, Caller caller, (string Quota, long From)[] needs, CancellationToken cancel)
    {
        if (caller.Tenant is null || !store.IsPostgres) return await QuotaWindows.ReadAsync(view, needs, cancel);
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var own = new LedgerTransaction(store, connection, snapshot);
        return await QuotaWindows.ReadAsync(own, needs, cancel);
    }

    /// <summary>Its transitions, newest first; null when there is no such quota for the caller. One that was removed keeps its history for whoever sees every tenant.</summary>
    /// <param name="before">Those with a smaller number.</param>
    public async Task<List<QuotaHistoryEntry>?> HistoryAsync(Caller caller, string id, long before, int limit, CancellationToken cancel)
    {
        var isThere = (await ListAsync(caller, id, cancel)).Count > 0;
        if (!isThere && caller.Tenant is not null) return null;
        await using var connection = await store.OpenReadAsync(caller, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var entries = new List<QuotaHistoryEntry>();
        await using var rows = await view.Command("SELECT json FROM quota_transition WHERE quota = @quota AND number < @before ORDER BY number DESC LIMIT @limit", ("@quota", id), ("@before", before), ("@limit", limit)).ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) entries.Add(JsonSerializer.Deserialize<QuotaHistoryEntry>(rows.GetString(0), LedgerJson.Options)!);
        return isThere || entries.Count > 0 ? entries : null;
    }

    private static QuotaView View(QuotaCatalogue catalogue, CompiledQuota quota, IReadOnlyList<QuotaFigure> figures, IReadOnlyList<QuotaState> states, LedgerGrain grain, long judgedTo, long now, bool isCounting)
    {
        var document = quota.Document;
        var reading = Read(catalogue, quota, figures, grain, judgedTo, now);
        if (isCounting) reading = reading with { Value = null, PerSecond = 0 };
        var firing = states.Where(state => state.State == QuotaState.Firing).OrderBy(state => state.Amount).Select(state => state.Threshold.TrimStart('=')).Distinct().ToArray();
        var state = firing.Length > 0 ? QuotaState.Firing : quota.IsPausedAt(now) ? "paused" : states.Any(one => one.State == QuotaState.Pending) ? QuotaState.Pending : QuotaState.Ok;
        var ends = quota.Slots == QuotaSlots.Windows || document.Kind == "forecast";
        var percent = reading.Value is { } value ? Percent(value, quota.Limit) : null;
        return new QuotaView(quota.Id, document.Subject, document.Kind, document.Meter, document.Window, document.Limit, document.Plan, quota.Limit, document.Thresholds, document.Amounts, document.Direction, document.Hysteresis,
            document.For, document.Grace, document.ShortBurn, document.LongBurn, document.Paused, document.PausedUntil, document.Severity, document.Labels, document.Notify, state, reading.Value, percent, firing,
            At(reading.WindowStart), At(reading.WindowEnd), ends && !quota.IsPeak ? Forecast(quota, reading, now) : null, document.Kind == "forecast" && reading.Reaches(quota.Limit) is { } at ? At(at) : null, Holds(catalogue, quota), document.Enforce, Currency(catalogue, quota));
    }

    private static QuotaReading Read(QuotaCatalogue catalogue, CompiledQuota quota, IReadOnlyList<QuotaFigure> figures, LedgerGrain grain, long judgedTo, long now)
    {
        if (quota.Slots == QuotaSlots.Buckets) return QuotaMeasure.Now(quota, figures, grain, catalogue.Prices, now);
        if (quota.Slots == QuotaSlots.Windows)
        {
            var (start, end) = quota.WindowOf(now);
            return QuotaMeasure.Window(quota, figures, start, end, catalogue.Prices, now);
        }

        var minute = LastMinute(judgedTo);
        var used = figures.Where(figure => figure.Start == minute).ToArray();
        return new QuotaReading(minute, minute + 60, minute, minute + 60, used.Length == 0 ? null : QuotaMath.Rate(quota, QuotaMath.Merge(quota, used), catalogue.Prices));
    }

    // Of next to nothing there is no percentage that a decimal holds.
    private static decimal? Percent(decimal value, decimal limit) => limit < 1 && value > limit * QuotaMath.Largest ? null : Math.Round(value / limit * 100, 4);

    private static decimal? Forecast(CompiledQuota quota, QuotaReading reading, long now)
    {
        if (quota.Document.Kind == "forecast") return reading.Value is { } predicted ? Math.Round(predicted, 6) : null;
        return now <= reading.WindowStart || reading.Value is not { } value ? null : Math.Round(value * (reading.WindowEnd - reading.WindowStart) / (now - reading.WindowStart), 6);
    }

    // Of several tenants all have the same, see CostQuotaGuard.
    private static string? Currency(QuotaCatalogue catalogue, CompiledQuota quota) => !quota.IsCost ? null
        : catalogue.Prices.Tenants.Values.FirstOrDefault(tenant => tenant.PriceBook.Length > 0 && (quota.Document.Subject.Tenant is null || quota.Document.Subject.Tenant == tenant.Id))?.Currency;

    private static string[] Holds(QuotaCatalogue catalogue, CompiledQuota quota)
    {
        var mine = quota.Document;
        if (mine.Subject is not { Tenant: { } tenant, Project: null, Host: null, Workload: null }) return [];
        return [.. catalogue.Quotas.Where(other => other.Document is var its && its.Subject.Tenant == tenant && its.Subject.Project is not null && its.Kind == mine.Kind && its.Meter == mine.Meter && its.Window == mine.Window).Select(other => other.Id)];
    }

    private static long LastMinute(long judgedTo) => judgedTo / 60 * 60 - 60;

    private static DateTimeOffset At(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds);
}
