using System.Security.Cryptography;
using System.Text;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.TimeSeries;

/// <summary>Table <c>series_parked</c>: lines that the server refused. The ledger has their usage; here stands why a figure is missing elsewhere.</summary>
internal static class SeriesParking
{
    /// <summary>Lines that are kept; more are only counted.</summary>
    public const int MaxKept = 10_000;

    public static async Task AddAsync(LedgerTransaction transaction, IReadOnlyList<ParkedLine> lines, DateTimeOffset now)
    {
        if (lines.Count == 0) return;
        var room = MaxKept - (await transaction.ScalarAsync(transaction.Command("SELECT COUNT(*) FROM series_parked")) ?? 0);
        foreach (var line in lines)
        {
            if (room-- <= 0) return;

            // A line that is sent again after a crash is the same line.
            await transaction.ExecuteAsync("INSERT INTO series_parked (at, hash, line, reason) VALUES (@at, @hash, @line, @reason) ON CONFLICT (hash) DO NOTHING",
                ("@at", now.ToUnixMicroseconds()), ("@hash", SHA256.HashData(Encoding.UTF8.GetBytes(line.Line))), ("@line", line.Line), ("@reason", line.Reason));
        }
    }

    public static async Task<List<ParkedView>> ListAsync(LedgerTransaction view, long after, int limit, CancellationToken cancel)
    {
        var lines = new List<ParkedView>();
        await using var rows = await view.Command("SELECT id, at, line, reason FROM series_parked WHERE id > @after ORDER BY id LIMIT @limit", ("@after", after), ("@limit", (long)limit)).ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) lines.Add(new ParkedView(rows.GetInt64(0), UnixTime.FromMicroseconds(rows.GetInt64(1)), rows.GetString(2), rows.GetString(3)));
        return lines;
    }
}
