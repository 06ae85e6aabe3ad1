using System.Data.Common;
using Metering.Service.Ledger;
using Metering.Service.Verification;

namespace Metering.Service.TimeSeries;

/// <summary>
/// Of several services on one PostgreSQL only one writes the series: it holds an advisory lock, which ends with its connection. That spares work; that nothing is lost or noted wrongly rests on the
/// cursor, which is only moved from where it was read.
/// </summary>
internal sealed class SeriesTurn(DbConnection? connection) : IAsyncDisposable
{
    private const long Lock = 0x6d65_7465_7273;

    /// <summary>Null when another service has the turn.</summary>
    public static async Task<SeriesTurn?> TakeAsync(LedgerStore store, CancellationToken cancel)
    {
        if (!store.IsPostgres) return new SeriesTurn(null);
        var connection = await store.OpenReadAsync(cancel);
        await using var take = VerifyRun.Command(connection, "SELECT pg_try_advisory_lock(@lock)", ("@lock", Lock));
        if (await take.ExecuteScalarAsync(cancel) is true) return new SeriesTurn(connection);
        await connection.DisposeAsync();
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        if (connection is null) return;
        try
        {
            await using var give = VerifyRun.Command(connection, "SELECT pg_advisory_unlock(@lock)", ("@lock", Lock));
            await give.ExecuteScalarAsync();
        }
        catch (DbException)
        {
            // The connection is gone, and the lock with it.
        }

        await connection.DisposeAsync();
    }
}
