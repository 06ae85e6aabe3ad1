using System.Data.Common;
using System.Globalization;
using Metering.Messages;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Reports;

/// <summary>
/// Figures of each host that need more than its own row: shares of the last two hours, what is kept in quarantine, use before metering.
/// Read again when older than half a minute or than twenty times what the reading took, so that asking costs the ledger at most a twentieth of a core.
/// </summary>
internal sealed class HostFigures(LedgerStore store, TimeProvider clock)
{
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromSeconds(5);
    private static readonly HostFigure None = new();

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Dictionary<string, (string Epoch, decimal? Seconds)> _before = new(StringComparer.Ordinal);
    private Dictionary<string, HostFigure> _figures = new(StringComparer.Ordinal);
    private TimeSpan _keep;
    private long _readAt;

    internal sealed record HostFigure
    {
        /// <summary>Shares of the CPU time of the last two hours; null when there was none.</summary>
        public decimal? EstimatedShare { get; init; }

        public decimal? UnscrapedShare { get; init; }

        public long Forks { get; init; }

        public long Refused { get; init; }

        public long Quarantined { get; init; }

        /// <summary>CPU seconds that the machine had used when this epoch's first pass found it; not billed. Null when that pass is not stored any more.</summary>
        public decimal? BeforeMeteringCpuSeconds { get; init; }
    }

    public async Task<IReadOnlyDictionary<string, HostFigure>> GetAsync(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            if (_readAt != 0 && clock.GetElapsedTime(_readAt) < _keep) return _figures;
            var began = clock.GetTimestamp();
            var figures = new Dictionary<string, HostFigure>(StringComparer.Ordinal);
            await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
            await SharesAsync(connection, figures, cancel);
            await QuarantineAsync(connection, figures, cancel);
            await BeforeAsync(connection, figures, cancel);
            _figures = figures;
            _readAt = clock.GetTimestamp();
            var kept = clock.GetElapsedTime(began) * 20;
            _keep = kept > KeepAtLeast ? kept : KeepAtLeast;
            return figures;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task SharesAsync(DbConnection connection, Dictionary<string, HostFigure> figures, CancellationToken cancel)
    {
        var from = clock.GetUtcNow().ToUnixTimeSeconds() - 7200;
        var postgres = store.IsPostgres;
        await using var command = connection.CreateCommand();
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
            SELECT w.host, {UsageSelect.Sum("cpu_us", postgres)}, {UsageSelect.Sum("estimated_us", postgres)}, {UsageSelect.Sum("unscraped_us", postgres)}
            FROM usage u JOIN workload w ON w.id = u.workload WHERE u.bucket >= {from} GROUP BY w.host
            """);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var at = 1;
            var (cpu, estimated, unscraped) = (UsageSelect.ReadSum(rows, postgres, ref at) ?? 0, UsageSelect.ReadSum(rows, postgres, ref at) ?? 0, UsageSelect.ReadSum(rows, postgres, ref at) ?? 0);
            figures[rows.GetString(0)] = None with { EstimatedShare = cpu > 0 ? Math.Round(estimated / cpu, 6) : null, UnscrapedShare = cpu > 0 ? Math.Round(unscraped / cpu, 6) : null };
        }
    }

    private static async Task QuarantineAsync(DbConnection connection, Dictionary<string, HostFigure> figures, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT q.host, SUM(CASE WHEN q.reason LIKE 'fork:%' THEN 1 ELSE 0 END), SUM(CASE WHEN q.reason LIKE 'identity:%' THEN 1 ELSE 0 END), COUNT(*)
            FROM quarantine q WHERE q.host IN (SELECT host FROM agent) GROUP BY q.host
            """;
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (forks, refused, all) = (rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3));
            figures[rows.GetString(0)] = figures.GetValueOrDefault(rows.GetString(0), None) with { Forks = forks, Refused = refused, Quarantined = all - forks - refused };
        }
    }

    // The first batch of an epoch has the readings that counting began at, the root's among them; it never changes.
    private async Task BeforeAsync(DbConnection connection, Dictionary<string, HostFigure> figures, CancellationToken cancel)
    {
        var fresh = new List<(string Host, string Epoch, long Agent)>();
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT a.host, a.epoch, a.id FROM agent a WHERE a.last_seen_at = (SELECT MAX(b.last_seen_at) FROM agent b WHERE b.host = a.host)";
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                if (!_before.TryGetValue(rows.GetString(0), out var known) || known.Epoch != rows.GetString(1)) fresh.Add((rows.GetString(0), rows.GetString(1), rows.GetInt64(2)));
            }
        }

        foreach (var (host, epoch, agent) in fresh)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = string.Create(CultureInfo.InvariantCulture, $"SELECT bytes FROM batch WHERE agent = {agent} AND sequence = 1");
            _before[host] = (epoch, await command.ExecuteScalarAsync(cancel) is byte[] bytes ? Before(UsageBatch.Parser.ParseFrom(bytes)) : null);
        }

        foreach (var (host, (_, seconds)) in _before) figures[host] = figures.GetValueOrDefault(host, None) with { BeforeMeteringCpuSeconds = seconds };
    }

    internal static decimal? Before(UsageBatch first)
    {
        var root = first.Workloads.FirstOrDefault(record => record.Path == "/");
        var reading = root?.Meters.FirstOrDefault(one => one.Meter == MeterCatalogue.Cpu.Wire);
        return reading is null ? null : MeterCatalogue.Cpu.Show(reading.Start);
    }
}
