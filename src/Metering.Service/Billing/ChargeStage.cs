using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>
/// Where charges wait for what they belong to. SQLite has one writer, and a month's charges in one transaction would hold it for seconds: there they are written in pieces, between which ingest takes its turn,
/// and the small transaction that issues the documents makes them valid (<see cref="ChargeStore.Issued"/>). Nobody sees them before. What a process left that was killed meanwhile is taken away before the next ones are written.
/// On PostgreSQL nobody waits, and they are part of that transaction. Whoever issues holds <see cref="LedgerStore.Issuing"/> from before the first piece to after the end.
/// </summary>
internal static class ChargeStage
{
    /// <summary>Rows in a piece: about a tenth of a second.</summary>
    private const int Piece = 20_000;

    /// <param name="piece">Rows in a piece; tests take fewer.</param>
    /// <param name="at">Told of each piece.</param>
    public static async Task WriteAsync(LedgerStore store, IReadOnlyList<ChargeEntry> charges, int? piece, Action<string>? at, IProgress<ClosingProgress.Step>? progress, CancellationToken cancel)
    {
        if (store.IsPostgres) return;
        await ClearAsync(store, piece ?? Piece, cancel);
        for (var first = 0; first < charges.Count; first += piece ?? Piece)
        {
            cancel.ThrowIfCancellationRequested();
            var (from, to) = (first, Math.Min(first + (piece ?? Piece), charges.Count));
            await store.WriteAsync(transaction => ChargeStore.InsertAsync(transaction, charges, from, to), cancel);
            at?.Invoke("piece stored");
            progress?.Report(new ClosingProgress.Step("issuing", to, charges.Count));
        }
    }

    /// <summary>What is still to be written by the transaction that issues.</summary>
    public static Task FinishAsync(LedgerTransaction transaction, IReadOnlyList<ChargeEntry> charges) =>
        transaction.Store.IsPostgres ? ChargeStore.InsertAsync(transaction, charges, 0, charges.Count) : Task.CompletedTask;

    /// <summary>Gives room back when the issuing failed for want of it; if that fails as well, the next issuing does it.</summary>
    public static async Task ClearQuietlyAsync(LedgerStore store)
    {
        try
        {
            if (!store.IsPostgres) await ClearAsync(store, Piece, CancellationToken.None);
        }
        catch (LedgerUnavailableException)
        {
            // Told of by the caller's own exception.
        }
    }

    private static async Task ClearAsync(LedgerStore store, int piece, CancellationToken cancel)
    {
        foreach (var period in await OpenAsync(store, cancel))
        {
            while (await store.WriteAsync(transaction => transaction.ExecuteAsync(
                $"DELETE FROM charge WHERE period = @period AND n IN (SELECT n FROM charge WHERE period = @period AND NOT {ChargeStore.Issued} LIMIT {piece})", ("@period", period)), cancel) == piece)
            {
            }
        }
    }

    // Months with charges that are not closed. By the primary key from month to month, not through the charges of all years.
    private static async Task<List<string>> OpenAsync(LedgerStore store, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, """
            WITH RECURSIVE month(id) AS (SELECT MIN(period) FROM charge UNION ALL SELECT (SELECT MIN(period) FROM charge WHERE period > month.id) FROM month WHERE month.id IS NOT NULL)
            SELECT id FROM month WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM period)
            """);
        var open = new List<string>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) open.Add(rows.GetString(0));
        return open;
    }
}
