using Metering.Service.Ledger;

namespace Metering.Service.Quotas;

/// <summary>
/// Counts on where <see cref="QuotaRebuild"/> has begun, a chunk in each transaction, so that ingest takes its turn in between. Usage that comes meanwhile is added to what is counted already,
/// and to no figure where it will be counted; a quota is judged when its last chunk is. Who dies in between is followed by <see cref="QuotaKeeper"/>.
/// </summary>
internal sealed class QuotaCounter(LedgerStore store, LedgerOptions options, TimeProvider clock)
{
    /// <summary>Rows of usage in a chunk, some more to the end of their bucket: about a third of a second.</summary>
    public long ChunkRows { get; set; } = 50_000;

    /// <summary>Called between chunks; tests write usage there, or crash.</summary>
    internal Func<Task>? BetweenChunks { get; set; }

    /// <summary>Counts to the end; the number of transitions.</summary>
    public async Task<int> FinishAsync(CancellationToken cancel)
    {
        for (var done = 0; ;)
        {
            if (BetweenChunks is { } between) await between();
            var (left, transitions) = await store.WriteAsync(transaction => StepAsync(transaction, cancel), cancel);
            done += transitions;
            if (!left) return done;
        }
    }

    private async Task<(bool Left, int Transitions)> StepAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        await LedgerGate.WaitAsync(transaction);
        var before = await QuotaCount.ReadAsync(transaction, cancel);
        if (before.Count == 0) return (false, 0);
        var catalogue = await QuotaCatalogue.LoadAsync(transaction.Context, cancel);
        await QuotaRebuild.StepAsync(transaction, catalogue, ChunkRows);
        var after = await QuotaCount.ReadAsync(transaction, cancel);
        if (after.Count == 0) await LedgerSnapshot.RaiseAsync(transaction);
        var counted = catalogue.Quotas.Where(quota => before.ContainsKey(quota.Id) && !after.ContainsKey(quota.Id)).ToList();
        var clocks = await QuotaLedger.ClocksAsync(transaction, cancel);
        var done = await QuotaKeeper.JudgeAsync(transaction, catalogue, counted, clocks, await LedgerGrain.ReadAsync(transaction, options), clock.GetUtcNow(), cancel);
        return (after.Count > 0, done);
    }
}
