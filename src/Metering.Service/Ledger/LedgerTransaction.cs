using System.Data.Common;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Ledger;

/// <summary>An open write transaction: SQL for the hot path, a context for configuration, both in the same transaction.</summary>
public sealed class LedgerTransaction(LedgerStore store, DbConnection connection, DbTransaction transaction) : IAsyncDisposable
{
    private readonly Dictionary<string, DbCommand> _commands = new(StringComparer.Ordinal);
    private MeteringContext? _context;

    public LedgerStore Store => store;

    /// <summary>What the audit trail is to have of this transaction, see <see cref="AuditTrail.FlushAsync"/>.</summary>
    internal List<AuditRow> Audited { get; } = [];

    /// <summary>True once a quota that enforces has moved in it.</summary>
    internal bool MovedEnforcement { get; set; }

    public DbConnection Connection => connection;

    public DbTransaction Transaction => transaction;

    public MeteringContext Context
    {
        get
        {
            if (_context is not null) return _context;
            _context = store.NewContext(connection);
            _context.Database.UseTransaction(transaction);
            return _context;
        }
    }

    /// <summary>A command of this transaction, kept for the next call with the same text. Parameters are written <c>@name</c> on both databases.</summary>
    public DbCommand Command(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        if (!_commands.TryGetValue(sql, out var command))
        {
            command = connection.CreateCommand();
            command.CommandText = sql;
            command.Transaction = transaction;
            _commands[sql] = command;
        }

        command.Parameters.Clear();
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }

        return command;
    }

    public Task<int> ExecuteAsync(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) => Command(sql, parameters).ExecuteNonQueryAsync();

    public async Task<long?> ScalarAsync(DbCommand command)
    {
        var value = await command.ExecuteScalarAsync();
        return value is null or DBNull ? null : Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var command in _commands.Values) await command.DisposeAsync();
        if (_context is not null) await _context.DisposeAsync();
    }
}
