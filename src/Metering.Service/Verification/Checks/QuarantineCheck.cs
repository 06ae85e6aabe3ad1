using System.Runtime.CompilerServices;
using Metering.Identity;
using Metering.Units;

namespace Metering.Service.Verification.Checks;

/// <summary>What is kept in quarantine is told, is what was received, and is there for every receipt that says so.</summary>
internal sealed class QuarantineCheck : IVerifyCheck
{
    private const int Listed = 100;

    public string Name => "quarantine";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var events = new List<VerifyEvent>();
        var seen = 0L;
        for (var (after, more) = (0L, true); more;)
        {
            events.Clear();
            more = false;
            await using (var connection = await run.Store.OpenReadAsync(cancel))
            await using (var command = VerifyRun.Command(connection, "SELECT id, received_at, host, sequence, reason, hash, bytes FROM quarantine WHERE id > @after ORDER BY id LIMIT 16", ("@after", after)))
            await using (var rows = await command.ExecuteReaderAsync(cancel))
            {
                while (await rows.ReadAsync(cancel))
                {
                    (seen, after, more) = (seen + 1, rows.GetInt64(0), true);
                    if (!BatchHash.Of(StoredBatch.BytesOf(rows[6])).AsSpan().SequenceEqual(StoredBatch.BytesOf(rows[5]))) events.Add(new VerifyEvent(Name, seen, seen) { Discrepancy = new Discrepancy("quarantine", $"id={after}", "its bytes do not hash to its hash") });
                    if (seen <= Listed)
                    {
                        var host = rows.IsDBNull(2) ? "?" : rows.GetString(2);
                        events.Add(new VerifyEvent(Name, seen, seen) { Note = $"{UnixTime.FromMicroseconds(rows.GetInt64(1)):yyyy-MM-dd HH:mm:ss}Z {host} sequence {(rows.IsDBNull(3) ? 0 : rows.GetInt64(3))}: {rows.GetString(4)}" });
                    }
                }
            }

            foreach (var one in events) yield return one;
        }

        events.Clear();
        await using (var connection = await run.Store.OpenReadAsync(cancel))
        await using (var command = VerifyRun.Command(connection, """
            SELECT a.host, a.epoch, r.sequence FROM receipt r JOIN agent a ON a.id = r.agent
            WHERE r.quarantined <> 0 AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.hash = r.hash) ORDER BY a.host, r.sequence LIMIT 10
            """))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel))
                events.Add(new VerifyEvent(Name, seen, seen) { Discrepancy = new Discrepancy("quarantine", $"host={rows.GetString(0)} epoch={rows.GetString(1)} sequence={rows.GetInt64(2)}", "the receipt says quarantined and the bytes are not kept") });
        }

        foreach (var one in events) yield return one;
        yield return new VerifyEvent(Name, seen, seen);
    }
}
