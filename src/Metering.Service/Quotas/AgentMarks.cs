using System.Runtime.InteropServices;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Quotas;

/// <summary>How far the usage of agents has come.</summary>
/// <param name="AnyLately">An agent sent something within 10 minutes.</param>
/// <param name="Behind">The earliest end of what the agents that sent within 90 s have sent, Unix seconds; the end of time when there is none.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AgentMarks(bool AnyLately, long Behind)
{
    public static async Task<AgentMarks> ReadAsync(LedgerTransaction transaction, DateTimeOffset now)
    {
        var command = transaction.Command("SELECT COUNT(*), MIN(CASE WHEN last_seen_at >= @live THEN last_window_end END) FROM agent WHERE last_seen_at >= @lately",
            ("@live", now.AddSeconds(-90).ToUnixMicroseconds()), ("@lately", now.AddMinutes(-10).ToUnixMicroseconds()));
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        return new AgentMarks(row.GetInt64(0) > 0, row.IsDBNull(1) ? long.MaxValue : row.GetInt64(1) / 1_000_000);
    }
}
