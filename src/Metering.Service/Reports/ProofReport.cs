using System.Data.Common;
using System.Text;
using Metering.Messages;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Reports;

/// <summary>Adds up what the stored batch bytes bill to a cgroup: the same bytes that the agent journalled, not the ledger's own totals.</summary>
internal sealed class ProofReport(LedgerStore store)
{
    private const string Newest = "(SELECT a.id FROM agent a WHERE a.host = @host ORDER BY a.last_seen_at DESC LIMIT 1)";

    /// <summary>Null when the newest epoch of the host has no record of the path; and how far its batches have expired, null when none has.</summary>
    public async Task<(ProofView? Proof, DateTimeOffset? ExpiredThrough)> FindAsync(string host, string path, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        var expired = await ExpiredAsync(connection, host, cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT b.bytes, r.window_end FROM batch b JOIN receipt r ON r.agent = b.agent AND r.sequence = b.sequence
            WHERE r.quarantined = 0 AND b.agent =
            """ + Newest + " ORDER BY b.sequence";
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = ("@host", host);
        command.Parameters.Add(parameter);
        var tally = new ProofTally(path == "/" ? "/" : path.TrimEnd('/'));
        var needle = Encoding.UTF8.GetBytes(tally.PathAbove == "/" ? tally.Path : tally.PathAbove);
        var last = 0L;
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var bytes = (byte[])rows[0];
            last = Math.Max(last, rows.GetInt64(1));

            // Most batches name neither the path nor the cgroup above; parsing them is what costs.
            if (bytes.AsSpan().IndexOf(needle) >= 0) tally.Add(UsageBatch.Parser.ParseFrom(bytes));
        }

        return (tally.View(host, UnixTime.FromMicroseconds(last), expired), expired);
    }

    private static async Task<DateTimeOffset?> ExpiredAsync(DbConnection connection, string host, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, $"SELECT r.window_end FROM batch_expiry e JOIN receipt r ON r.agent = e.agent AND r.sequence = e.sequence WHERE e.agent = {Newest}", ("@host", host));
        return await command.ExecuteScalarAsync(cancel) is long end ? UnixTime.FromMicroseconds(end) : null;
    }
}
