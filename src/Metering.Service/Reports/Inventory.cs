using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Reports;

/// <summary>Hosts and workloads as the ledger knows them.</summary>
internal sealed class Inventory(LedgerStore store, HostFigures figures, HostAlarms alarms, TimeProvider clock)
{
    // Written by agents, beside what they could not meter.
    private const string DegradedLabel = "agent.degraded";

    /// <summary>All hosts, the newest epoch of each. A reader of one tenant sees none: hosts are shared.</summary>
    public async Task<List<HostView>> HostsAsync(Caller caller, CancellationToken cancel)
    {
        var hosts = new List<HostView>();
        if (caller.Tenant is not null) return hosts;
        var more = await figures.GetAsync(cancel);
        await using var connection = await store.OpenReadAsync(caller, cancel);
        var coverage = new Dictionary<string, decimal?>(StringComparer.Ordinal);
        var day = clock.GetUtcNow().AddDays(-1).ToUnixTimeSeconds();
        await using (var command = Command(connection, string.Create(CultureInfo.InvariantCulture, $"SELECT host, SUM(covered_us), SUM(expected_us) FROM coverage WHERE bucket >= {day} GROUP BY host")))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel))
            {
                var expected = rows.GetDecimal(2);
                coverage[rows.GetString(0)] = expected > 0 ? Math.Round(rows.GetDecimal(1) / expected, 6) : null;
            }
        }

        await using (var command = Command(connection, """
            SELECT a.host, a.epoch, a.committed, a.first_window_start, a.last_window_end, a.last_seen_at, a.boot_id, a.labels, a.cpus, a.memory_bytes, a.conservation_failures,
                (SELECT SUM(g.last_sequence - g.first_sequence + 1) FROM gap g WHERE g.agent = a.id)
            FROM agent a WHERE a.last_seen_at = (SELECT MAX(b.last_seen_at) FROM agent b WHERE b.host = a.host) ORDER BY a.host
            """))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel)) hosts.Add(Read(rows, coverage, more));
        }

        return hosts;
    }

    /// <summary>How many hosts there are, and the end of the newest window; nothing for a reader of one tenant.</summary>
    public async Task<(int Hosts, DateTimeOffset? LastWindowEnd)> FleetAsync(Caller caller, CancellationToken cancel)
    {
        if (caller.Tenant is not null) return (0, null);
        await using var connection = await store.OpenReadAsync(caller, cancel);
        await using var command = Command(connection, "SELECT COUNT(DISTINCT a.host), MAX(a.last_window_end) FROM agent a WHERE a.last_seen_at = (SELECT MAX(b.last_seen_at) FROM agent b WHERE b.host = a.host)");
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return ((int)row.GetInt64(0), row.IsDBNull(1) ? null : UnixTime.FromMicroseconds(row.GetInt64(1)));
    }

    /// <summary>A page of workloads; null when cursor or filter are none of ours.</summary>
    public async Task<WorkloadPage?> WorkloadsAsync(Caller caller, string? filter, int limit, string? cursor, CancellationToken cancel)
    {
        var after = 0L;
        if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after)) return null;
        await using var connection = await store.OpenReadAsync(caller, cancel);
        var select = new UsageSelect(connection);
        var where = "w.id > " + after.ToString(CultureInfo.InvariantCulture);
        if (filter is not null)
        {
            if (!UsageQuery.TryFilter(filter, store.IsPostgres, out var dimension, out var value)) return null;
            where += " AND " + select.Condition(dimension, value, latest: true);
        }

        if (caller.Tenant is { } tenant) where += $" AND o.tenant = {select.Parameter(tenant)}";
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        select.Command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
            SELECT w.id, w.host, w.kind, w.key, w.name, w.path, w.labels, w.first_seen, w.last_seen, w.ended, COALESCE(o.tenant, 'unattributed'), COALESCE(o.project, ''), w.availability
            FROM workload w LEFT JOIN ownership o ON o.workload = w.id AND o.valid_from <= {now} AND o.valid_to > {now}
            WHERE {where} ORDER BY w.id LIMIT {limit + 1}
            """);
        var found = new List<WorkloadView>();
        var last = 0L;
        await using var rows = await select.Command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (found.Count == limit) return new WorkloadPage(found, last.ToString(CultureInfo.InvariantCulture));
            last = rows.GetInt64(0);
            var (labels, availability) = (Labels(rows.GetString(6)), rows.GetString(12) is { Length: > 0 } said ? Labels(said) : []);
            found.Add(new WorkloadView(rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), rows.GetString(5), labels,
                rows.GetString(10), rows.GetString(11), UsageReport.At(rows.GetInt64(7)), UsageReport.At(rows.GetInt64(8)), rows.GetInt64(9) != 0, availability));
        }

        return new WorkloadPage(found, null);
    }

    private HostView Read(DbDataReader row, Dictionary<string, decimal?> coverage, IReadOnlyDictionary<string, HostFigures.HostFigure> more)
    {
        var host = row.GetString(0);
        var figure = more.GetValueOrDefault(host) ?? new HostFigures.HostFigure();
        var missing = row.IsDBNull(11) ? 0 : (long)row.GetDecimal(11);
        var (plain, availability) = Split(Labels(row.GetString(7)), "meter.");
        plain.Remove(DegradedLabel, out var degraded);
        return new HostView(
            host, row.GetString(1), row.GetInt64(2), missing, UnixTime.FromMicroseconds(row.GetInt64(3)), UnixTime.FromMicroseconds(row.GetInt64(4)),
            UnixTime.FromMicroseconds(row.GetInt64(5)), row.GetString(6), row.GetDouble(8), row.GetInt64(9), coverage.GetValueOrDefault(host), row.GetInt64(10),
            new HostAlarmView(row.GetInt64(10), alarms.Count(host, AlarmKind.Reading), alarms.Count(host, AlarmKind.Chain), missing, figure.Forks, figure.Refused, figure.Quarantined, alarms.Count(host, AlarmKind.OverBound)),
            figure.EstimatedShare, figure.UnscrapedShare, figure.BeforeMeteringCpuSeconds ?? Before(plain), degraded, availability, plain);
    }

    // Where the epoch's first batch is not stored any more.
    private static decimal? Before(Dictionary<string, string> labels) =>
        labels.TryGetValue("before-metering.cpu-seconds", out var text) && decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) ? seconds : null;

    // Reserved labels carry what an agent could not meter; they are no labels to people.
    private static (Dictionary<string, string> Plain, Dictionary<string, string> Reserved) Split(Dictionary<string, string> labels, string prefix) =>
        (labels.Where(label => !label.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(),
        labels.Where(label => label.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(label => label.Key[prefix.Length..], label => label.Value));

    private static Dictionary<string, string> Labels(string json) => JsonSerializer.Deserialize<Dictionary<string, string>>(json) ?? [];

    private static DbCommand Command(DbConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }
}
