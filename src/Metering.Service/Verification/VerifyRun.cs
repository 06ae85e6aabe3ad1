using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Metering.Service.Ledger;

namespace Metering.Service.Verification;

/// <summary>What the checks of one verification share: the ledger, how far each agent was when it began, and the running totals.</summary>
internal sealed class VerifyRun(LedgerStore store, LedgerOptions options)
{
    /// <summary>Batches of one piece: with 256 KiB each, at most 16 MiB in memory.</summary>
    private const int Piece = 64;

    public LedgerStore Store => store;

    public LedgerOptions Options => options;

    /// <summary>The grain as a view of the ledger has it: it may become fine while the verification runs.</summary>
    public Task<LedgerGrain> GrainAsync(DbConnection connection, DbTransaction? view, CancellationToken cancel) => LedgerGrain.ReadAsync(connection, view, options, cancel);

    /// <summary>Every epoch of every host, with the marks that it had at the beginning.</summary>
    public IReadOnlyList<AgentMark> Agents { get; private set; } = [];

    /// <summary>Buckets that are looked at, Unix seconds, end exclusive; all unless told.</summary>
    public long From { get; init; } = long.MinValue;

    public long To { get; init; } = long.MaxValue;

    public long Batches { get; set; }

    public long Records { get; set; }

    /// <summary>Batches without bytes, by policy.</summary>
    public long Expired { get; set; }

    public long Rows { get; set; }

    /// <summary>Receipts at the beginning.</summary>
    public long Receipts { get; private set; }

    public async Task BeginAsync(CancellationToken cancel)
    {
        Agents = await MarksAsync(cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        await using var count = Command(connection, "SELECT COUNT(*) FROM receipt");
        Receipts = Convert.ToInt64(await count.ExecuteScalarAsync(cancel), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Every epoch of every host, as it is now.</summary>
    public async Task<List<AgentMark>> MarksAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = Command(connection, "SELECT a.id, a.host, a.epoch, a.committed, a.last_sequence, COALESCE(e.sequence, 0), a.last_window_end FROM agent a LEFT JOIN batch_expiry e ON e.agent = a.id ORDER BY a.host, a.id");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var agents = new List<AgentMark>();
        while (await rows.ReadAsync(cancel)) agents.Add(new AgentMark(rows.GetInt64(0), rows.GetString(1), rows.GetString(2), rows.GetInt64(3), rows.GetInt64(4), rows.GetInt64(5), rows.GetInt64(6)));
        return agents;
    }

    /// <summary>The receipts of an agent in the order of their numbers, as far as the mark at the beginning, with the bytes that are stored for them.</summary>
    /// <param name="after">The number that they come after; −1 for all.</param>
    public async IAsyncEnumerable<StoredBatch> BatchesAsync(AgentMark agent, long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        var piece = new List<StoredBatch>(Piece);
        while (true)
        {
            piece.Clear();
            await using (var connection = await store.OpenReadAsync(cancel))
            await using (var command = Command(connection, """
                SELECT r.sequence, r.first_sequence, r.hash, r.quarantined, r.window_start, r.window_end, b.bytes FROM receipt r
                LEFT JOIN batch b ON b.agent = r.agent AND b.sequence = r.sequence
                WHERE r.agent = @agent AND r.sequence > @after AND r.sequence <= @last ORDER BY r.sequence LIMIT @piece
                """, ("@agent", agent.Id), ("@after", after), ("@last", agent.LastSequence), ("@piece", (long)Piece)))
            await using (var rows = await command.ExecuteReaderAsync(cancel))
            {
                while (await rows.ReadAsync(cancel)) piece.Add(StoredBatch.Read(agent, rows));
            }

            foreach (var batch in piece) yield return batch;
            if (piece.Count < Piece) yield break;
            after = piece[^1].Sequence;
        }
    }

    /// <summary>One view of the ledger for several statements.</summary>
    public static async Task<DbTransaction> SnapshotAsync(DbConnection connection, bool postgres, CancellationToken cancel) =>
        connection is Microsoft.Data.Sqlite.SqliteConnection sqlite ? sqlite.BeginTransaction(deferred: true) : await connection.BeginTransactionAsync(postgres ? IsolationLevel.RepeatableRead : IsolationLevel.Serializable, cancel);

    public static DbCommand Command(DbConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
