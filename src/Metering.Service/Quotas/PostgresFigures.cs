using System.Runtime.InteropServices;
using Metering.Service.Ledger;
using Npgsql;

namespace Metering.Service.Quotas;

/// <summary>
/// Figures on PostgreSQL. What a transaction adds goes to <c>quota_growth</c> as one row, whatever the number of quotas; the figures that decide at once are known here, and what other replicas added since
/// is read with it. From one lock before to the commit replicas take turns, so that each threshold is reached by exactly one of them. <see cref="QuotaGrowthLog"/> adds the growth to <c>quota_window</c> in time.
/// </summary>
internal sealed class PostgresFigures : IQuotaFigures
{
    /// <summary>Windows begin without end.</summary>
    private const int MaxKnown = 200_000;

    private static readonly ILookup<string, QuotaFigure> Nothing = Array.Empty<QuotaFigure>().ToLookup(_ => "");

    // What is known of windows: their components. All growth up to an id is in it.
    private readonly Dictionary<(string Quota, long Start), Dictionary<string, Int128>> _known = [];
    private long _through;

    public void Forget()
    {
        _known.Clear();
        _through = 0;
    }

    public async Task<ILookup<string, QuotaFigure>> AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        if (uses.Count == 0) return Nothing;
        if (_known.Count > MaxKnown) Forget();
        var (others, id, settled) = await ExchangeAsync(transaction, uses);

        // Figures were changed in place, or their growth is not to be had one by one any more.
        if (settled > _through) _known.Clear();
        foreach (var growth in others) Grow(growth.Quota, growth.Start, growth.Component, growth.IsPeak, growth.Quantity);
        foreach (var use in uses) Grow(use.Quota.Id, use.Start, use.Component, use.Quota.IsPeak, use.Growth);
        _through = id;
        await LearnAsync(transaction, uses);
        var costs = new List<(string Quota, QuotaFigure Figure)>();
        for (var i = 0; i < uses.Count; i++)
        {
            var use = uses[i];
            if (!use.Quota.IsImmediate) continue;
            var figures = _known[(use.Quota.Id, use.Start)];
            use.Used = figures.GetValueOrDefault(use.Component);
            if (use.Quota.IsCost && use.Component == QuotaUse.Whole) costs.AddRange(figures.Select(figure => (use.Quota.Id, new QuotaFigure(use.Start, figure.Key, figure.Value))));
        }

        return costs.Count == 0 ? Nothing : costs.ToLookup(pair => pair.Quota, pair => pair.Figure, StringComparer.Ordinal);
    }

    // Writes the growth and reads that of others since; in one round trip.
    private async Task<(List<QuotaGrown> Others, long Id, long Settled)> ExchangeAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        await using var batch = new NpgsqlBatch((NpgsqlConnection)transaction.Connection, (NpgsqlTransaction)transaction.Transaction)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(QuotaGrowthLog.Lock), new NpgsqlBatchCommand(QuotaGrowthLog.Settled),
                new NpgsqlBatchCommand("SELECT bytes FROM quota_growth WHERE id > $1 ORDER BY id") { Parameters = { new NpgsqlParameter<long> { TypedValue = _through } } },
                new NpgsqlBatchCommand("INSERT INTO quota_growth (bytes) VALUES ($1) RETURNING id") { Parameters = { new NpgsqlParameter<byte[]> { TypedValue = QuotaGrown.Write(uses) } } },
            },
        };
        await batch.PrepareAsync();
        await using var rows = await batch.ExecuteReaderAsync();
        await rows.NextResultAsync();
        var settled = await rows.ReadAsync() ? rows.GetInt64(0) : 0;
        await rows.NextResultAsync();
        var others = new List<QuotaGrown>();
        while (await rows.ReadAsync())
        {
            // What is not known yet is read with its figures.
            if (settled <= _through) others.AddRange(QuotaGrown.Read(rows.GetFieldValue<byte[]>(0)));
        }

        await rows.NextResultAsync();
        await rows.ReadAsync();
        return (others, rows.GetInt64(0), settled);
    }

    private void Grow(string quota, long start, string component, bool isPeak, Int128 quantity)
    {
        if (!_known.TryGetValue((quota, start), out var figures)) return;
        ref var figure = ref CollectionsMarshal.GetValueRefOrAddDefault(figures, component, out _);
        figure = isPeak ? Int128.Max(figure, quantity) : checked(figure + quantity);
    }

    // Windows that nobody asked for before: as the ledger has them, this transaction's growth included.
    private async Task LearnAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        var unknown = uses.Where(use => use.Quota.IsImmediate && !_known.ContainsKey((use.Quota.Id, use.Start))).Select(use => (Quota: use.Quota.Id, use.Start)).ToHashSet();
        if (unknown.Count == 0) return;
        (string Quota, long From)[] needs = [.. unknown.GroupBy(window => window.Quota).Select(group => (group.Key, group.Min(window => window.Start)))];
        var found = await QuotaWindows.ReadAsync(transaction, needs, CancellationToken.None);
        foreach (var (quota, start) in unknown) _known[(quota, start)] = found[quota].Where(figure => figure.Start == start).ToDictionary(figure => figure.Component, figure => figure.Used, StringComparer.Ordinal);
    }
}
