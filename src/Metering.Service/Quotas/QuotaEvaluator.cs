using Metering.Service.Ledger;

namespace Metering.Service.Quotas;

/// <summary>
/// Adds usage to the figures of every quota that it counts for, in the transaction that records it, and judges those whose threshold it reaches. Replicas take turns from there to the commit,
/// so that the second sees the first one's figure and each threshold is reached by exactly one of them. What goes by time is judged by <see cref="QuotaKeeper"/>.
/// </summary>
internal sealed class QuotaEvaluator : IUsageListener
{
    /// <summary>Usage of windows that ended longer ago counts, but is no alert any more.</summary>
    private const long Reach = 60 * 86_400;

    private static readonly Dictionary<string, QuotaCount> None = [];

    private IQuotaFigures? _figures;
    private QuotaCatalogue? _catalogue;
    private long _revision = -1;
    private Dictionary<string, QuotaCount> _counting = None;
    private List<QuotaUse> _uses = [];

    public async Task UsageComingAsync(LedgerTransaction transaction, LedgerSnapshot snapshot)
    {
        var catalogue = await LoadAsync(transaction, snapshot.Revision);
        _counting = catalogue.IsCounting ? await QuotaCount.ReadAsync(transaction) : None;
    }

    /// <inheritdoc/>
    public void AddUp(IReadOnlyList<UsageRow> rows)
    {
        _uses = [];
        if (_catalogue is not { Quotas.Count: > 0 } catalogue) return;
        var growth = Growth(catalogue, _counting);
        foreach (var row in rows) growth.Add(row);
        _uses = growth.InOrder();
    }

    public Task UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now) =>
        _catalogue is { Quotas.Count: > 0 } catalogue ? ApplyAsync(transaction, catalogue, _uses, _counting, now) : Task.CompletedTask;

    /// <summary>What became another tenant's counts for that one, and no longer for the one before.</summary>
    public async Task UsageMovedAsync(LedgerTransaction transaction, IReadOnlyList<MovedUsage> moves, LedgerSnapshot snapshot, DateTimeOffset now)
    {
        var catalogue = await LoadAsync(transaction, snapshot.Revision);
        if (catalogue.Quotas.Count == 0) return;
        var counting = catalogue.IsCounting ? await QuotaCount.ReadAsync(transaction) : None;
        var growth = Growth(catalogue, counting);
        foreach (var move in moves)
        {
            growth.Add(move.Row, move.Before, -1);
            growth.Add(move.Row, move.After);
        }

        await ApplyAsync(transaction, catalogue, growth.InOrder(), counting, now);
    }

    /// <summary>Names and labels that came late: the clock counts anew what selects by them.</summary>
    public async Task AttributesChangedAsync(LedgerTransaction transaction, long from, LedgerSnapshot snapshot)
    {
        var catalogue = await LoadAsync(transaction, snapshot.Revision);
        foreach (var quota in catalogue.Quotas.Where(quota => quota.AsksAttributes))
            await transaction.ExecuteAsync("UPDATE quota_clock SET basis = '' WHERE quota = @quota", ("@quota", quota.Id));
    }

    /// <inheritdoc/>
    public void Forget() => _figures?.Forget();

    // Of what is being counted anew, only what has had its turn.
    private static QuotaGrowth Growth(QuotaCatalogue catalogue, Dictionary<string, QuotaCount> counting) =>
        new(catalogue, counting.Count == 0 ? null : (quota, bucket) => !counting.TryGetValue(quota.Id, out var count) || count.Has(bucket));

    private async Task ApplyAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, List<QuotaUse> uses, Dictionary<string, QuotaCount> counting, DateTimeOffset now)
    {
        if (uses.Count == 0) return;
        var costs = await (_figures ??= IQuotaFigures.Of(transaction.Store)).AddAsync(transaction, uses);
        var crossed = new SortedDictionary<int, List<QuotaReading>>();
        var at = now.ToUnixTimeSeconds();
        for (var i = 0; i < uses.Count; i++)
        {
            var use = uses[i];
            if (counting.TryGetValue(use.Quota.Id, out var count) && use.Start >= count.From) continue;
            if (!use.Quota.IsImmediate || use.Component.Length > 0 || (use.Quota.IsCost ? CostOf(catalogue, uses, i, costs) : ReachedBy(use)) is not { } value) continue;
            var (start, end) = use.Quota.WindowOf(use.Start);
            if (end < at - Reach) continue;
            if (!crossed.TryGetValue(use.Quota.Index, out var readings)) crossed[use.Quota.Index] = readings = [];
            readings.Add(new QuotaReading(at, at, start, end, value) { IsClosed = end + QuotaMeasure.WindowSettles <= at });
        }

        // In the order of ids: replicas lock in the same order.
        foreach (var (index, readings) in crossed) await QuotaLedger.JudgeAsync(transaction, catalogue, catalogue.Quotas[index], readings, now);
    }

    // Null when no threshold lies between the figure before and the figure now. Of a peak the one before is not known.
    private static decimal? ReachedBy(QuotaUse use)
    {
        if (use.Used < use.Quota.BaseAmounts[0]) return null;
        var before = use.Quota.IsPeak ? 0 : use.Used - use.Growth;
        foreach (var amount in use.Quota.BaseAmounts)
        {
            if (before < amount && use.Used >= amount && (!use.Quota.IsPeak || use.Growth >= amount)) return QuotaMath.Shown(use.Quota.Meter!, use.Used);
        }

        return null;
    }

    private static decimal? CostOf(QuotaCatalogue catalogue, List<QuotaUse> uses, int at, ILookup<string, QuotaFigure> costs)
    {
        var whole = uses[at];
        var after = QuotaMath.Merge(whole.Quota, costs[whole.Quota.Id].Where(figure => figure.Start == whole.Start));
        var value = QuotaMath.Used(whole.Quota, after, catalogue.Prices);
        if (value < whole.Quota.Thresholds[0].Amount) return null;
        var before = new Dictionary<string, Int128>(after, StringComparer.Ordinal);

        // In key order the parts follow the whole.
        for (var i = at + 1; i < uses.Count && uses[i].Quota == whole.Quota && uses[i].Start == whole.Start; i++) before[uses[i].Component] -= uses[i].Growth;
        var former = QuotaMath.Used(whole.Quota, before, catalogue.Prices);
        return whole.Quota.Thresholds.Any(threshold => former < threshold.Amount && value >= threshold.Amount) ? value : null;
    }

    private async Task<QuotaCatalogue> LoadAsync(LedgerTransaction transaction, long revision)
    {
        if (_catalogue is { } known && _revision == revision) return known;
        _catalogue = await QuotaCatalogue.LoadAsync(transaction.Context, CancellationToken.None);
        _revision = revision;
        Forget();
        return _catalogue;
    }
}
