using Metering.Service.Ledger;

namespace Metering.Service.TimeSeries;

/// <summary>Reads batches that are not in the time series, in one view of the ledger.</summary>
internal static class SeriesReader
{
    /// <summary>Bytes of batches in one round: with their lines some 20 MiB of memory.</summary>
    public const int MaxBytes = 4 << 20;

    /// <summary>Batches of one agent in one round, so that none waits for another's backlog.</summary>
    private const int MaxBatches = 16;

    private const string Batches = "SELECT r.first_sequence, r.sequence, r.received_at, b.bytes FROM receipt r LEFT JOIN batch b ON b.agent = r.agent AND b.sequence = r.sequence WHERE r.agent = @agent";

    /// <summary>Agents with something to write, in the order of their ids.</summary>
    public static async Task<List<SeriesAgent>> AgentsAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var agents = new List<SeriesAgent>();
        await using var rows = await view.Command("""
            SELECT a.id, a.host, a.committed, a.last_sequence, c.written, c.holes FROM agent a LEFT JOIN series_cursor c ON c.agent = a.id
            WHERE a.last_sequence > COALESCE(c.written, 0) OR c.holes <> '' ORDER BY a.id
            """).ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var stored = !rows.IsDBNull(4);
            var cursor = stored ? SeriesCursor.Parse(rows.GetInt64(4), rows.GetString(5)) : SeriesCursor.Start;
            agents.Add(new SeriesAgent(rows.GetInt64(0), rows.GetString(1), rows.GetInt64(2), rows.GetInt64(3), cursor, stored));
        }

        return agents;
    }

    /// <summary>What comes next of an agent, at most <paramref name="bytes"/> and one batch more.</summary>
    public static async Task<SeriesPiece> NextAsync(LedgerTransaction view, SeriesAgent agent, int bytes, CancellationToken cancel)
    {
        var batches = new List<SeriesBatch>();
        var looks = new List<(SequenceRange, IReadOnlyList<SequenceRange>, bool)>();
        var left = MaxBatches;
        foreach (var range in agent.Cursor.Pending(agent.Last))
        {
            if (left <= 0 || bytes <= 0) break;
            var found = new List<SequenceRange>();
            var command = view.Command(Batches + " AND r.sequence BETWEEN @first AND @last ORDER BY r.sequence LIMIT @most", ("@agent", agent.Id), ("@first", range.First), ("@last", range.Last), ("@most", (long)left + 1));
            await using var rows = await command.ExecuteReaderAsync(cancel);
            var whole = true;
            while (await rows.ReadAsync(cancel))
            {
                if (left <= 0 || bytes <= 0)
                {
                    whole = false;
                    break;
                }

                found.Add(new SequenceRange(rows.GetInt64(0), rows.GetInt64(1)));

                // Quarantined, or expired: nothing to write.
                if (rows.IsDBNull(3)) continue;
                batches.Add(new SeriesBatch(rows.GetInt64(1), rows.GetInt64(2), (byte[])rows[3]));
                (left, bytes) = (left - 1, bytes - batches[^1].Bytes.Length);
            }

            looks.Add((range, found, whole));
        }

        return new SeriesPiece(agent, batches, agent.Cursor.After(looks, agent.Committed));
    }

    /// <summary>The next batches of an agent with a window in a span (Unix microseconds), after a number; and how many of them have no bytes any more.</summary>
    public static async Task<(List<SeriesBatch> Batches, long Last, int Expired)> SpanAsync(LedgerTransaction view, long agent, long after, long from, long to, CancellationToken cancel)
    {
        var (batches, last, expired, bytes) = (new List<SeriesBatch>(), after, 0, 0);
        await using var rows = await view.Command(Batches + " AND r.sequence > @after AND r.window_end > @from AND r.window_start < @to AND r.quarantined = 0 ORDER BY r.sequence LIMIT @most",
            ("@agent", agent), ("@after", after), ("@from", from), ("@to", to), ("@most", (long)MaxBatches)).ExecuteReaderAsync(cancel);
        while (bytes < MaxBytes && await rows.ReadAsync(cancel))
        {
            last = rows.GetInt64(1);
            if (rows.IsDBNull(3)) expired++;
            else
            {
                batches.Add(new SeriesBatch(last, rows.GetInt64(2), (byte[])rows[3]));
                bytes += batches[^1].Bytes.Length;
            }
        }

        return (batches, last, expired);
    }
}
