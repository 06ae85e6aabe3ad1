using System.Text.Json;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Ledger;

/// <summary>Configuration that ingest needs, as of a revision. Every change of configuration raises the revision in its own transaction.</summary>
public sealed record LedgerSnapshot(long Revision, OwnershipRules Rules)
{
    /// <summary>From when on buckets are fine, see <see cref="LedgerGrain"/>.</summary>
    public long FineFrom { get; init; } = long.MaxValue;

    /// <summary>Usage of buckets before this is late, see <see cref="LedgerGate"/>.</summary>
    public long BilledUntil { get; init; } = long.MinValue;

    /// <summary>Usage of buckets before this may be in the roll-up, see <see cref="Reports.RollupMarks"/>.</summary>
    public long RolledUntil { get; init; } = long.MinValue;

    public static readonly LedgerSnapshot Empty = new(-1, new OwnershipRules([]));

    /// <summary>The snapshot of this transaction: the one given, when the revision is still its.</summary>
    public static async Task<LedgerSnapshot> RefreshAsync(LedgerSnapshot known, LedgerTransaction transaction)
    {
        var revision = await RevisionAsync(transaction);
        if (revision == known.Revision) return known;
        var stored = await transaction.Context.Set<StoredRules>().AsNoTracking().FirstOrDefaultAsync();
        var rules = stored is null ? [] : JsonSerializer.Deserialize<List<OwnershipRule>>(stored.Json, LedgerJson.Options) ?? [];
        return new LedgerSnapshot(revision, new OwnershipRules(rules)) { FineFrom = await LedgerGrain.FineFromAsync(transaction), BilledUntil = await LedgerGate.BilledUntilAsync(transaction), RolledUntil = await Reports.RollupKeeper.RolledUntilAsync(transaction) };
    }

    /// <summary>Notes that configuration has changed; other replicas see it with their next group.</summary>
    public static Task RaiseAsync(LedgerTransaction transaction) => transaction.ExecuteAsync(transaction.Store.IsPostgres
        ? "INSERT INTO meta (key, value) VALUES ('revision', '1') ON CONFLICT (key) DO UPDATE SET value = (meta.value::bigint + 1)::text"
        : "INSERT INTO meta (key, value) VALUES ('revision', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)");

    internal static async Task<long> RevisionAsync(LedgerTransaction transaction) =>
        await transaction.ScalarAsync(transaction.Command("SELECT value FROM meta WHERE key = 'revision'")) ?? 0;
}
