using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Metering.Service.Ledger;

namespace Metering.Service.Alerts;

/// <summary>
/// Which replica serves an endpoint: an advisory lock of PostgreSQL, held by one connection of this process for all that it serves, so that a process that dies gives up at once what it held.
/// A ledger in SQLite has one process, which needs none.
/// </summary>
internal sealed class EndpointLocks(LedgerStore store) : IAsyncDisposable
{
    // Beside the locks of migrations, which have one key of 64 bits.
    private const int Space = 0x6D65_7472;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private DbConnection? _connection;

    /// <summary>A hold, which lasts until <see cref="ReleaseAsync"/>; null: another process has it. Throws when the database can not be reached.</summary>
    public async Task<object?> TryTakeAsync(string name, CancellationToken cancel)
    {
        if (!store.IsPostgres) return this;
        var (taken, connection) = await RunAsync($"SELECT pg_try_advisory_lock({Space}, {KeyOf(name)})", cancel);
        return taken is true ? connection : null;
    }

    public async Task ReleaseAsync(string name)
    {
        if (!store.IsPostgres) return;
        try
        {
            await RunAsync($"SELECT pg_advisory_unlock({Space}, {KeyOf(name)})", CancellationToken.None);
        }
        catch (Exception e) when (e is DbException or IOException or InvalidOperationException or Ingest.LedgerUnavailableException)
        {
            // With the connection went its locks.
        }
    }

    /// <summary>Whether a hold is one still; false when its connection is gone.</summary>
    public async Task<bool> HoldsAsync(object hold, CancellationToken cancel) => !store.IsPostgres || ReferenceEquals(hold, (await RunAsync("SELECT 1", cancel)).Connection);

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null) await _connection.DisposeAsync();
        _turn.Dispose();
    }

    private async Task<(object? Answer, DbConnection Connection)> RunAsync(string sql, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            _connection ??= await store.OpenReadAsync(cancel);
            await using var command = _connection.CreateCommand();
            command.CommandText = sql;
            return (await command.ExecuteScalarAsync(cancel), _connection);
        }
        catch (Exception e) when (e is DbException or IOException or InvalidOperationException)
        {
            // A broken connection has lost its locks; the next call begins with a new one.
            if (_connection is { } broken) await broken.DisposeAsync();
            _connection = null;
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private static int KeyOf(string name) => BitConverter.ToInt32(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
}
