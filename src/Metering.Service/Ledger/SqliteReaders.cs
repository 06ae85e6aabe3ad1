using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Ledger;

/// <summary>
/// Connections for reading that wait for the next reader with what SQLite has cached: opening one anew for each question makes verifying a month five times as slow.
/// The library's own pool can lend one connection to two readers that come at once (dotnet/efcore 39008).
/// </summary>
internal sealed partial class SqliteReaders(string connectionString) : IAsyncDisposable
{
    private const int Kept = 16;
    private readonly ConcurrentBag<Reader> _idle = [];
    private volatile bool _closed;

    /// <summary>Throws <see cref="SqliteException"/> when the file can not be opened. Disposing the connection gives it back.</summary>
    public async Task<SqliteConnection> LendAsync(CancellationToken cancel)
    {
        if (!_idle.TryTake(out var reader))
        {
            reader = new Reader(connectionString, this);
            try
            {
                await reader.OpenAsync(cancel);
            }
            catch
            {
                await reader.DisposeAsync();
                throw;
            }
        }

        reader.IsLent = 1;
        return reader;
    }

    /// <summary>Closes those that wait; one that is still lent is closed when it comes back.</summary>
    public async ValueTask DisposeAsync()
    {
        _closed = true;
        while (_idle.TryTake(out var reader)) await reader.DisposeAsync();
    }

    // One that is still within a transaction, or a statement, sees the past: it is closed.
    private bool Keep(Reader reader)
    {
        if (_closed || _idle.Count >= Kept || reader.Handle is not { IsInvalid: false } handle || TransactionState(handle.DangerousGetHandle(), 0) != 0) return false;
        _idle.Add(reader);
        return true;
    }

    /// <summary>0 outside of any transaction (sqlite3_txn_state, SQLite 3.34); <paramref name="schema"/> 0: of all databases.</summary>
    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_txn_state")]
    private static partial int TransactionState(nint database, nint schema);

    private sealed class Reader(string connectionString, SqliteReaders home) : SqliteConnection(connectionString)
    {
        public int IsLent;

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref IsLent, 0) == 1 && home.Keep(this)) return;
            base.Dispose(disposing);
        }
    }
}
