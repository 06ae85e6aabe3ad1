using System.Data.Common;
using Metering.Safety;
using Metering.Service.Ingest;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Ledger;

/// <summary>The embedded ledger: one file, one writer connection, one process.</summary>
internal sealed class SqliteStore : LedgerStore
{
    private readonly string _file;
    private readonly SqliteReaders _readers;
    private readonly SqliteConnection _writer;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private FileStream? _lock;

    public SqliteStore(LedgerOptions options)
    {
        var parsed = new SqliteConnectionStringBuilder(options.ConnectionString);
        _file = Path.GetFullPath(parsed.DataSource);
        _readers = new SqliteReaders(new SqliteConnectionStringBuilder { DataSource = _file, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 30 }.ToString());
        _writer = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _file, Pooling = false, DefaultTimeout = 30 }.ToString());
    }

    public override bool IsPostgres => false;

    public override async Task OpenAsync(CancellationToken cancel)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
            _lock = new FileStream(_file + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            PrivateFile.Create(_file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The ledger '{_file}' is in use by another process or its directory can not be written ({e.Message}); stop that process or give another --data.", inner: e);
        }

        try
        {
            await _writer.OpenAsync(cancel);
            // Pages of 16 KiB (for a new file): batches are tens of KiB and a group rewrites most pages it touches, so fewer, larger pages cost fewer calls.
            await using (var pragma = _writer.CreateCommand())
            {
                pragma.CommandText = "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000; PRAGMA mmap_size=0; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=2000";
                await pragma.ExecuteNonQueryAsync(cancel);
            }

            // A process that was killed while it migrated leaves its row there, and the next would wait for it without end. The file's own lock is held: nobody else migrates.
            await using (var stale = _writer.CreateCommand())
            {
                stale.CommandText = "DROP TABLE IF EXISTS __EFMigrationsLock";
                await stale.ExecuteNonQueryAsync(cancel);
            }

            await using var context = NewContext(_writer);
            await MigrateAsync(context, cancel);
        }
        catch (SqliteException e)
        {
            throw new UserErrorException($"The ledger '{_file}' can not be opened: {e.Message}. Restore it from a backup, or move it away to begin anew: agents then send again what they keep.", inner: e);
        }
    }

    public override async Task<T> WriteAsync<T>(Func<LedgerTransaction, Task<T>> work, CancellationToken cancel)
    {
        if (!await _turn.WaitAsync(Patience, cancel)) throw new LedgerUnavailableException("The ledger's writer is busy.");
        try
        {
            await using var transaction = _writer.BeginTransaction(deferred: false);
            await using var scope = new LedgerTransaction(this, _writer, transaction);
            return await CommitAsync(scope, work);
        }
        catch (SqliteException e) when (IsUnavailable(e))
        {
            throw new LedgerUnavailableException($"The ledger '{_file}' can not be written: {e.Message}.", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    public override LedgerUnavailableException? Away(Exception e) =>
        e as LedgerUnavailableException ?? (e is SqliteException sqlite && IsUnavailable(sqlite) ? Unreadable(sqlite) : null);

    protected override async Task<DbConnection> ConnectAsync(CancellationToken cancel)
    {
        try
        {
            return await _readers.LendAsync(cancel);
        }
        catch (SqliteException e) when (IsUnavailable(e))
        {
            throw Unreadable(e);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();

        // Readers first: the connection that closes last folds the write-ahead log into the file, and one that may only read can not.
        await _readers.DisposeAsync();
        await _writer.DisposeAsync();
        if (_lock is not null) await _lock.DisposeAsync();
    }

    private LedgerUnavailableException Unreadable(SqliteException e) => new($"The ledger '{_file}' can not be read: {e.Message}.", e);

    // BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB: the world failed, not the content.
    private static bool IsUnavailable(SqliteException e) => e.SqliteErrorCode is 5 or 6 or 8 or 10 or 11 or 13 or 14 or 26;
}
