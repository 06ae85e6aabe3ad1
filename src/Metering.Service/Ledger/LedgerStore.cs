using System.Data.Common;
using Metering.Safety;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Metering.Service.Ledger;

/// <summary>
/// The one way to the database. Writes are transactions that either commit or leave nothing; on SQLite all of them pass through one connection,
/// which is also the only checkpointer (two checkpointing writers can lose commits in SQLite before 3.51.3).
/// </summary>
public abstract class LedgerStore : IAsyncDisposable
{
    /// <summary>How long a writer waits for its turn or for the database before it reports it as unavailable.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly AsyncLocal<Caller?> Asking = new();

    private static readonly AsyncLocal<IWriteCondition?> Condition = new();

    public abstract bool IsPostgres { get; }

    /// <summary>What of the ledger's protection is missing and how to get it; null: nothing. Known once it is open.</summary>
    public virtual string? Unprotected => null;

    /// <summary>The same of a ledger that is not opened here, by looking at what its server would allow.</summary>
    public virtual Task<string?> LookUnprotectedAsync(CancellationToken cancel) => Task.FromResult<string?>(null);

    /// <summary>Called when a transaction has written deliveries, before it commits.</summary>
    internal Action? OutboxWritten { get; set; }

    /// <summary>Called when a transaction has changed the state of a quota, before it commits.</summary>
    internal Action? QuotaMoved { get; set; }

    /// <summary>Whose turn it is to issue documents, in this process; between processes the database sees to it.</summary>
    internal SemaphoreSlim Issuing { get; } = new(1, 1);

    /// <summary>Brings the schema up to date. Throws <see cref="UserErrorException"/>, with nothing changed, when a newer version has been at it.</summary>
    protected static async Task MigrateAsync(MeteringContext context, CancellationToken cancel)
    {
        // Entity Framework passes over migrations that it does not know, and what they changed is not what this version writes.
        var known = context.Database.GetMigrations().ToHashSet(StringComparer.Ordinal);
        if ((await context.Database.GetAppliedMigrationsAsync(cancel)).FirstOrDefault(applied => !known.Contains(applied)) is { } newer)
            throw new UserErrorException($"The ledger was brought up to date by a newer version of metering (its schema has {newer}, which this version does not know); start that version, or restore the backup that was made before the upgrade.");
        await context.Database.MigrateAsync(cancel);
    }

    /// <summary>Opens, and creates or migrates the schema. Throws <see cref="UserErrorException"/> with cause and remedy.</summary>
    public abstract Task OpenAsync(CancellationToken cancel);

    /// <summary>
    /// Runs <paramref name="work"/> in a transaction and commits. Throws <see cref="LedgerUnavailableException"/> when the database can not take it, with nothing changed;
    /// a unique violation or serialization failure surfaces as <see cref="DbException"/> with <see cref="DbException.IsTransient"/> or as <see cref="LedgerConflictException"/>: run it again.
    /// </summary>
    public abstract Task<T> WriteAsync<T>(Func<LedgerTransaction, Task<T>> work, CancellationToken cancel);

    /// <summary>What an exception of a query means when the database, not the content, failed: the ledger is away; null for anything else.</summary>
    public abstract LedgerUnavailableException? Away(Exception e);

    /// <summary>A connection for reading; dispose it. Within a request of somebody who is bound to a tenant it is that tenant's, so that a query which forgets whom it is for sees too little and never too much.</summary>
    public Task<DbConnection> OpenReadAsync(CancellationToken cancel) => OpenReadAsync(Asking.Value ?? Caller.Local, cancel);

    /// <summary>A connection for reading on behalf of a caller: whoever is bound to a tenant gets, where the database can do that, one that sees no other tenant's rows. Queries restrict themselves all the same.
    /// <see cref="Caller.Local"/> is the service itself, which sees all: for what is shared, and for what a tenant has a part of.</summary>
    public async Task<DbConnection> OpenReadAsync(Caller caller, CancellationToken cancel)
    {
        var connection = await ConnectAsync(cancel);
        try
        {
            await EnterAsync(connection, caller, cancel);
            return connection;
        }
        catch
        {
            // Not given out with another's eyes.
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>From here on the connection sees what the caller may; for a view that began with the service's own eyes.</summary>
    public virtual Task EnterAsync(DbConnection connection, Caller caller, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>Whom the present request is for: what it opens without saying for whom is theirs. Ends with the asynchronous method that says it.</summary>
    public static void ActFor(Caller caller) => Asking.Value = caller;

    /// <summary>What the present request's change depends on. Ends with the asynchronous method that says it.</summary>
    internal static void WriteIf(IWriteCondition condition) => Condition.Value = condition;

    /// <summary>The work with all that belongs into its transaction, and the commit.</summary>
    protected static async Task<T> CommitAsync<T>(LedgerTransaction scope, Func<LedgerTransaction, Task<T>> work)
    {
        var condition = Condition.Value;
        if (condition is not null) await condition.BeforeAsync(scope);
        var result = await work(scope);
        if (condition is not null) await condition.AfterAsync(scope);
        await AuditTrail.FlushAsync(scope);
        await scope.Transaction.CommitAsync(CancellationToken.None);
        condition?.Committed();
        return result;
    }

    protected abstract Task<DbConnection> ConnectAsync(CancellationToken cancel);

    /// <summary>A context for reading configuration on behalf of a caller; dispose it.</summary>
    public async Task<MeteringContext> ReadContextAsync(Caller caller, CancellationToken cancel) => NewContext(await OpenReadAsync(caller, cancel), owns: true);

    /// <summary>A context for reading configuration; dispose it.</summary>
    public async Task<MeteringContext> ReadContextAsync(CancellationToken cancel) => NewContext(await OpenReadAsync(cancel), owns: true);

    public Task WriteAsync(Func<LedgerTransaction, Task> work, CancellationToken cancel) =>
        WriteAsync(async transaction =>
        {
            await work(transaction);
            return 0;
        }, cancel);

    public abstract ValueTask DisposeAsync();

    internal MeteringContext NewContext(DbConnection connection, bool owns = false)
    {
        var options = new DbContextOptionsBuilder<MeteringContext>();
        if (IsPostgres) options.UseNpgsql(connection, contextOwnsConnection: owns);
        else options.UseSqlite(connection, contextOwnsConnection: owns);

        // Migrations are written by hand, there is no snapshot to compare the model with.
        options.ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning));
        return new MeteringContext(options.Options);
    }

    /// <summary>The store that the connection string names.</summary>
    public static LedgerStore Create(LedgerOptions options) => options.IsPostgres ? new PostgresStore(options) : new SqliteStore(options);
}
