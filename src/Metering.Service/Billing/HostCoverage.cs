using System.Data.Common;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>How far a host is metered, against a period's end.</summary>
/// <param name="Watermark">The end of its newest window.</param>
/// <param name="MissingBatches">Numbers below its newest batch that have not arrived.</param>
/// <param name="QuarantinedBatches">Batches in quarantine that may bill to the period: their window lies in it, or they came in it.</param>
/// <param name="Covered">Metered past the end, with nothing missing or in quarantine.</param>
public sealed record HostCoverage(string Host, DateTimeOffset Watermark, long MissingBatches, long QuarantinedBatches, bool Covered)
{
    internal static async Task<List<HostCoverage>> ReadAsync(DbConnection connection, long start, long end, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, """
            SELECT a.host, MAX(a.last_window_end), SUM(COALESCE((SELECT SUM(g.last_sequence - g.first_sequence + 1) FROM gap g WHERE g.agent = a.id), 0)),
                SUM((SELECT COUNT(*) FROM quarantine q JOIN receipt r ON r.agent = a.id AND r.sequence = q.sequence AND r.hash = q.hash
                    WHERE q.epoch = a.epoch AND r.quarantined = 1 AND (r.window_start < @end AND r.window_end > @start OR q.received_at >= @start AND q.received_at < @end)))
            FROM agent a GROUP BY a.host ORDER BY a.host
            """, ("@start", start * 1_000_000), ("@end", end * 1_000_000));
        var hosts = new List<HostCoverage>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (watermark, missing, kept) = (rows.GetInt64(1), Number(rows, 2), Number(rows, 3));
            hosts.Add(new HostCoverage(rows.GetString(0), DateTimeOffset.UnixEpoch.AddMicroseconds(watermark), missing, kept, missing == 0 && kept == 0 && watermark >= end * 1_000_000));
        }

        return hosts;
    }

    // A sum is a decimal in PostgreSQL.
    private static long Number(DbDataReader rows, int column) => Convert.ToInt64(rows.GetValue(column), System.Globalization.CultureInfo.InvariantCulture);
}
