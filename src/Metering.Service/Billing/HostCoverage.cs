using System.Data.Common;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>How far a host is metered, against a period's end.</summary>
/// <param name="Watermark">The end of its newest window.</param>
/// <param name="MissingBatches">Numbers below its newest batch that have not arrived.</param>
/// <param name="Covered">Metered past the end, with nothing missing.</param>
public sealed record HostCoverage(string Host, DateTimeOffset Watermark, long MissingBatches, bool Covered)
{
    internal static async Task<List<HostCoverage>> ReadAsync(DbConnection connection, long end, CancellationToken cancel)
    {
        await using var command = VerifyRun.Command(connection, """
            SELECT a.host, MAX(a.last_window_end), SUM(COALESCE((SELECT SUM(g.last_sequence - g.first_sequence + 1) FROM gap g WHERE g.agent = a.id), 0)) FROM agent a GROUP BY a.host ORDER BY a.host
            """);
        var hosts = new List<HostCoverage>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (watermark, missing) = (rows.GetInt64(1), Convert.ToInt64(rows.GetValue(2), System.Globalization.CultureInfo.InvariantCulture));
            hosts.Add(new HostCoverage(rows.GetString(0), DateTimeOffset.UnixEpoch.AddMicroseconds(watermark), missing, missing == 0 && watermark >= end * 1_000_000));
        }

        return hosts;
    }
}
