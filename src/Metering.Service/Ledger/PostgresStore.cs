using System.Data;
using System.Data.Common;
using System.Net.Sockets;
using Metering.Safety;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Metering.Service.Ledger;

/// <summary>The production ledger. Any number of services may write to it; receipts are unique, rows are locked in key order.</summary>
internal sealed class PostgresStore(LedgerOptions options) : LedgerStore
{
    // Any 64-bit number of our own: services that start together migrate one after the other.
    private const long MigrationLock = 0x6D65_7465_7269_6E67;

    private readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(options.ConnectionString)
    {
        ApplicationName = "metering",
        Timeout = 10,
        CommandTimeout = 60,
        KeepAlive = 30,
    });

    public override bool IsPostgres => true;

    /// <summary>False when the server does not let us have the role that it needs (CREATEROLE, or a grant of <c>metering_tenant</c>).</summary>
    public bool HasRowSecurity { get; internal set; }

    public override string? Unprotected => HasRowSecurity ? null : NoRowSecurity;

    private const string NoRowSecurity =
        "PostgreSQL does not let the service have the role that row-level security needs, so only its own queries keep tenants apart; as a superuser: CREATE ROLE metering_tenant NOLOGIN; GRANT metering_tenant TO the service's user; then start the service again.";

    public override async Task OpenAsync(CancellationToken cancel)
    {
        try
        {
            await using var connection = await _source.OpenConnectionAsync(cancel);
            await using (var take = new NpgsqlCommand($"SELECT pg_advisory_lock({MigrationLock})", connection)) await take.ExecuteNonQueryAsync(cancel);
            await using (var context = NewContext(connection)) await MigrateAsync(context, cancel);
            await AuditGrants.EnsureAsync(connection, cancel);
            HasRowSecurity = await RowSecurity.EnsureAsync(connection, cancel);
            await using (var give = new NpgsqlCommand($"SELECT pg_advisory_unlock({MigrationLock})", connection)) await give.ExecuteNonQueryAsync(cancel);
        }
        catch (Exception e) when (Cause(e) is { } cause)
        {
            throw new LedgerUnavailableException($"The PostgreSQL ledger can not be reached: {cause.Message}; check Ledger:ConnectionString and that the server runs.", e);
        }
        catch (PostgresException e)
        {
            throw new UserErrorException($"The PostgreSQL ledger can not be opened: {e.MessageText}; the user needs to own the database (CREATE DATABASE metering OWNER …).", inner: e);
        }
    }

    public override async Task<T> WriteAsync<T>(Func<LedgerTransaction, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            await using var connection = await _source.OpenConnectionAsync(cancel);
            await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancel);
            await using var scope = new LedgerTransaction(this, connection, transaction);
            return await CommitAsync(scope, work);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected)
        {
            throw new LedgerConflictException(e.MessageText, e);
        }
        catch (Exception e) when (Cause(e) is { } cause)
        {
            throw new LedgerUnavailableException($"The PostgreSQL ledger can not be written: {cause.Message}", e);
        }
    }

    protected override async Task<DbConnection> ConnectAsync(CancellationToken cancel)
    {
        try
        {
            return await _source.OpenConnectionAsync(cancel);
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            throw Unreadable(e, e);
        }
    }

    public override async Task EnterAsync(DbConnection connection, Caller caller, CancellationToken cancel)
    {
        if (caller.Tenant is not { } tenant || !HasRowSecurity) return;
        try
        {
            await RowSecurity.EnterAsync((NpgsqlConnection)connection, tenant, cancel);
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            throw Unreadable(e, e);
        }
    }

    public override async Task<string?> LookUnprotectedAsync(CancellationToken cancel)
    {
        await using var connection = (NpgsqlConnection)await ConnectAsync(cancel);
        return await RowSecurity.IsAllowedAsync(connection, cancel) ? null : NoRowSecurity;
    }

    public override LedgerUnavailableException? Away(Exception e) =>
        e as LedgerUnavailableException ?? (Cause(e) is { } cause ? Unreadable(cause, e) : null);

    public override async ValueTask DisposeAsync() => await _source.DisposeAsync();

    private static LedgerUnavailableException Unreadable(Exception cause, Exception e) => new($"The PostgreSQL ledger can not be read: {cause.Message}", e);

    // Entity Framework wraps a connection that ended under it.
    private static Exception? Cause(Exception e) => IsUnavailable(e) ? e : e is InvalidOperationException { InnerException: { } inner } && IsUnavailable(inner) ? inner : null;

    // Classes 08 connection, 53 resources, 57 operator intervention (shutdown), 58 system error, 25006 read only.
    private static bool IsUnavailable(Exception e) => e is SocketException or TimeoutException or IOException || e is PostgresException
    {
        SqlState: ['0', '8', ..] or ['5', '3', ..] or ['5', '7', ..] or ['5', '8', ..] or "25006"
    } || (e is NpgsqlException and not PostgresException);
}
