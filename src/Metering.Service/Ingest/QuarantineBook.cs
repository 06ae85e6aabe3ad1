using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Ingest;

/// <summary>What was kept aside, and taking it into the ledger once that is possible: after an upgrade, or when the clock has come to it.</summary>
internal sealed class QuarantineBook(LedgerStore store, IIngest ingest, TimeProvider clock)
{
    private const int Piece = 16;

    /// <summary>The entries in the order in which they came, after one of them.</summary>
    public async Task<List<QuarantineEntry>> ListAsync(long after, int limit, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT q.id, q.received_at, q.transport, q.host, q.epoch, q.sequence, q.reason, LENGTH(q.bytes),
                CASE WHEN EXISTS (SELECT 1 FROM agent a JOIN receipt r ON r.agent = a.id AND r.sequence = q.sequence WHERE a.epoch = q.epoch AND r.hash = q.hash AND r.quarantined = 1) THEN 1 ELSE 0 END
            FROM quarantine q WHERE q.id > @after ORDER BY q.id LIMIT @limit
            """, ("@after", after), ("@limit", (long)limit));
        var entries = new List<QuarantineEntry>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            entries.Add(new QuarantineEntry(rows.GetInt64(0), UnixTime.FromMicroseconds(rows.GetInt64(1)), rows.GetString(2), rows.IsDBNull(3) ? null : rows.GetString(3), rows.IsDBNull(4) ? null : rows.GetString(4),
                rows.IsDBNull(5) ? 0 : rows.GetInt64(5), rows.GetString(6), Convert.ToInt64(rows.GetValue(7), System.Globalization.CultureInfo.InvariantCulture), Convert.ToInt32(rows.GetValue(8), System.Globalization.CultureInfo.InvariantCulture) == 1));
        }

        return entries;
    }

    /// <summary>Judges every batch in quarantine anew and takes what is good now; the rest stays. Repeating it is harmless. Throws <see cref="LedgerUnavailableException"/>.</summary>
    public async Task<ReplayAnswer> ReplayAsync(CancellationToken cancel)
    {
        var (taken, kept, after) = (0L, 0L, 0L);
        while (true)
        {
            var piece = await PieceAsync(after, cancel);
            if (piece.Count == 0) return new ReplayAnswer(taken, kept);
            after = piece[^1].Id;
            foreach (var (_, transport, bytes) in piece)
            {
                BatchDecoder.Decode(bytes, clock.GetUtcNow(), out var fault);

                // Who sent it was judged when it came: what was refused has no receipt and is not read here.
                if (fault is null && (await ingest.CommitAsync(new Delivery(bytes, transport, null, MayClaimAnyHost: true) { IsReplay = true }, cancel)).Result == IngestResult.Committed) taken++;
                else kept++;
            }
        }
    }

    private async Task<List<(long Id, string Transport, byte[] Bytes)>> PieceAsync(long after, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT q.id, q.transport, q.bytes FROM quarantine q JOIN agent a ON a.epoch = q.epoch JOIN receipt r ON r.agent = a.id AND r.sequence = q.sequence AND r.hash = q.hash
            WHERE q.id > @after AND r.quarantined = 1 ORDER BY q.id LIMIT @piece
            """, ("@after", after), ("@piece", (long)Piece));
        var piece = new List<(long, string, byte[])>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) piece.Add((rows.GetInt64(0), rows.GetString(1), (byte[])rows[2]));
        return piece;
    }
}
