using System.Data.Common;
using System.Globalization;
using System.Text;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Verification;

namespace Metering.Service.Reports;

/// <summary>Usage by time and by anything; every face asks here.</summary>
internal sealed class UsageReport(LedgerStore store, LedgerOptions options)
{
    public Task<UsagePage> RunAsync(UsageQuery query, CancellationToken cancel) => UsageRun.Suits(query) ? AddUpAsync(query, cancel) : SelectAsync(query, cancel);

    // From the parts of the roll-up, and row by row what they do not have; in one view of the ledger.
    private async Task<UsagePage> AddUpAsync(UsageQuery query, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var days = await Rollup.DaysAsync(connection, query.FromSeconds, query.ToSeconds, cancel);

        // Which parts hold depends on everybody's configuration; from here on there is nobody else.
        var fingerprint = days.Count == 0 ? null : await RollupFingerprint.LoadAsync(view, await PriceCatalogue.LoadAsync(view.Context, cancel), options, cancel);
        await store.EnterAsync(connection, query.Caller, cancel);
        var coverage = await CoverageAsync(connection, query, cancel);
        var run = new UsageRun(query, await OwnerIndex.ReadAsync(connection, query.FromSeconds, query.ToSeconds, cancel), await FacetIndex.LoadAsync(connection, query, cancel));
        for (var day = query.FromSeconds / Rollup.Day * Rollup.Day; day < query.ToSeconds; day += Rollup.Day)
        {
            var (from, to) = (Math.Max(day, query.FromSeconds), Math.Min(day + Rollup.Day, query.ToSeconds));
            if (days.TryGetValue(day, out var row) && row.Holds(fingerprint!) && row.HasParts) from = await AddPartsAsync(connection, query, run, row, from, to, cancel);
            if (from < to) await UsageStream.ReadAsync(connection, from, to, run.Add, cancel, meters: query.Meters);
        }

        var rows = run.Groups().Skip((int)Math.Min(query.Offset, int.MaxValue)).Take(query.IsUnlimited ? int.MaxValue : query.Limit + 1).Select(group => View(query, group, coverage)).ToList();
        var more = rows.Count > query.Limit;
        if (more) rows.RemoveAt(rows.Count - 1);
        return new UsagePage(At(query.FromSeconds), At(query.ToSeconds), query.Step, rows, more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);
    }

    // From where on rows are left to read.
    private static async Task<long> AddPartsAsync(DbConnection connection, UsageQuery query, UsageRun run, Rollup.DayRow day, long from, long to, CancellationToken cancel)
    {
        var windows = (await RollupParts.ReadAsync(connection, day.Start, query.Caller.Tenant, charged: false, cancel)).ToLookup(part => RollupPart.WindowOf(part.From));
        var unread = from;
        for (var window = RollupPart.WindowOf(from); window < Math.Min(to, day.Until); window += RollupPart.Window)
        {
            var parts = windows[window].ToList();
            if (!run.MayAdd(parts)) continue;
            if (unread < window) await UsageStream.ReadAsync(connection, unread, window, run.Add, cancel, meters: query.Meters);
            foreach (var part in parts) run.Add(part);
            unread = Math.Min(window + RollupPart.Window, day.Until);
        }

        return unread;
    }

    private static UsageRowView View(UsageQuery query, UsageGroup group, Dictionary<(long, string), (decimal Covered, decimal Expected)> coverage)
    {
        var quantities = new Dictionary<string, decimal>(StringComparer.Ordinal);
        for (var i = 0; i < query.Meters.Count; i++)
        {
            if (group.Of(i) is { } known) quantities[query.Meters[i].Name] = query.Meters[i].Show((decimal)known);
        }

        return View(group.Start, group.Stop, group.Facet.Key, quantities, (decimal)group.Estimated, (decimal)group.Unscraped, coverage);
    }

    private async Task<UsagePage> SelectAsync(UsageQuery query, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(query.Caller, cancel);
        var coverage = await CoverageAsync(connection, query, cancel);
        var select = new UsageSelect(connection).Where(query, query.FromSeconds, query.ToSeconds);
        var several = query.Steps.Count > 1;
        var keys = query.GroupBy.SelectMany(Columns).ToList();
        if (several) keys.Insert(0, "s.start");
        if (several) keys.Insert(1, "s.stop");
        var sql = new StringBuilder(UsageSelect.With(query.Steps)).Append("SELECT ");
        foreach (var key in keys) sql.Append(key).Append(", ");
        foreach (var meter in query.Meters) sql.Append(meter.Kind == MeterKind.Peak ? $"MAX(u.{meter.Column})" : UsageSelect.Sum(meter.Column, store.IsPostgres)).Append(", ");
        sql.Append(UsageSelect.Sum("estimated_us", store.IsPostgres)).Append(", ").Append(UsageSelect.Sum("unscraped_us", store.IsPostgres)).Append(", COUNT(*)").Append(select.From(query.Steps));
        if (keys.Count > 0) sql.Append(" GROUP BY ").AppendJoin(", ", keys).Append(" ORDER BY ").AppendJoin(", ", keys);
        sql.Append(CultureInfo.InvariantCulture, $" LIMIT {query.Limit + 1} OFFSET {query.Offset}");
        select.Command.CommandText = sql.ToString();

        var rows = new List<UsageRowView>();
        await using (var reader = await select.Command.ExecuteReaderAsync(cancel))
        {
            while (await reader.ReadAsync(cancel))
            {
                if (Read(reader, query, several, coverage) is { } row) rows.Add(row);
            }
        }

        var more = rows.Count > query.Limit;
        if (more) rows.RemoveAt(rows.Count - 1);
        return new UsagePage(At(query.FromSeconds), At(query.ToSeconds), query.Step, rows, more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);
    }

    /// <summary>Share of each host's time in the range that was metered; null where none was due.</summary>
    public async Task<Dictionary<string, decimal?>> CoverageByHostAsync(UsageQuery query, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(query.Caller, cancel);
        return (await CoverageAsync(connection, query, cancel)).Where(pair => pair.Key.Item2.Length > 0).ToDictionary(pair => pair.Key.Item2, pair => pair.Value.Expected > 0 ? Math.Round(pair.Value.Covered / pair.Value.Expected, 6) : (decimal?)null, StringComparer.Ordinal);
    }

    internal static DateTimeOffset At(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds);

    /// <summary>Columns of a dimension, as selected and grouped.</summary>
    internal static IEnumerable<string> Columns(Dimension dimension) =>
        dimension.Name == "workload" ? ["w.id", "w.key", "w.kind", "w.name", "w.path", "w.host"] : [dimension.Sql];

    /// <summary>The key of a row, from the columns that <see cref="Columns"/> named.</summary>
    internal static Dictionary<string, object> ReadKey(DbDataReader reader, UsageQuery query, ref int at)
    {
        var key = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var dimension in query.GroupBy)
        {
            if (dimension.Name == "workload")
            {
                key["workload"] = new WorkloadKey(reader.GetString(at + 1), reader.GetString(at + 2), reader.GetString(at + 3), reader.GetString(at + 4), reader.GetString(at + 5));
                at += 6;
            }
            else
            {
                key[dimension.Name] = reader.GetString(at++);
            }
        }

        return key;
    }

    private UsageRowView? Read(DbDataReader reader, UsageQuery query, bool several, Dictionary<(long, string), (decimal Covered, decimal Expected)> coverage)
    {
        var at = 0;
        var (start, stop) = several ? (reader.GetInt64(at++), reader.GetInt64(at++)) : (query.FromSeconds, query.ToSeconds);
        var key = ReadKey(reader, query, ref at);
        var quantities = new Dictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var meter in query.Meters)
        {
            decimal? value;
            if (meter.Kind == MeterKind.Peak) value = reader.IsDBNull(at) ? null : reader.GetInt64(at);
            else value = UsageSelect.ReadSum(reader, store.IsPostgres, ref at);
            if (meter.Kind == MeterKind.Peak) at++;
            if (value is { } known) quantities[meter.Name] = meter.Show(known);
        }

        var estimated = UsageSelect.ReadSum(reader, store.IsPostgres, ref at) ?? 0;
        var unscraped = UsageSelect.ReadSum(reader, store.IsPostgres, ref at) ?? 0;
        return reader.GetInt64(at) == 0 ? null : View(start, stop, key, quantities, estimated, unscraped, coverage);
    }

    private static UsageRowView View(
        long start, long stop, IReadOnlyDictionary<string, object> key, Dictionary<string, decimal> quantities, decimal estimated, decimal unscraped, Dictionary<(long, string), (decimal Covered, decimal Expected)> coverage)
    {
        var cpu = quantities.GetValueOrDefault(MeterCatalogue.Cpu.Name) * MeterCatalogue.Cpu.Scale;
        var host = key.TryGetValue("workload", out var workload) ? ((WorkloadKey)workload).Host : key.GetValueOrDefault("host") as string ?? "";
        var (covered, expected) = coverage.GetValueOrDefault((start, host));
        return new UsageRowView(At(start), At(stop), key, quantities, expected > 0 ? Math.Round(covered / expected, 6) : null, cpu > 0 ? Math.Round(estimated / cpu, 6) : 0,
            unscraped / MeterCatalogue.Cpu.Scale, cpu > 0 ? Math.Round(unscraped / cpu, 6) : 0);
    }

    // By step and host, and by step over all hosts (host "").
    private async Task<Dictionary<(long, string), (decimal Covered, decimal Expected)>> CoverageAsync(DbConnection connection, UsageQuery query, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        var several = query.Steps.Count > 1;
        var mine = "";
        if (query.Caller.Tenant is { } tenant)
        {
            // Hosts are shared; what a tenant learns of them is about those it is on.
            mine = " AND c.host IN (SELECT w.host FROM workload w JOIN ownership o ON o.workload = w.id WHERE o.tenant = @tenant)";
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = ("@tenant", tenant);
            command.Parameters.Add(parameter);
        }

        command.CommandText = UsageSelect.With(query.Steps) + "SELECT " + (several ? "s.start" : query.FromSeconds.ToString(CultureInfo.InvariantCulture)) + ", c.host, SUM(c.covered_us), SUM(c.expected_us) FROM coverage c" +
            (several ? " JOIN step s ON c.bucket >= s.start AND c.bucket < s.stop" : "") +
            string.Create(CultureInfo.InvariantCulture, $" WHERE c.bucket >= {query.FromSeconds} AND c.bucket < {query.ToSeconds}{mine} GROUP BY c.host") + (several ? ", s.start" : "");
        var found = new Dictionary<(long, string), (decimal Covered, decimal Expected)>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var (start, host) = (reader.GetInt64(0), reader.GetString(1));
            var (covered, expected) = (reader.GetDecimal(2), reader.GetDecimal(3));
            found[(start, host)] = (covered, expected);
            var all = found.GetValueOrDefault((start, ""));
            found[(start, "")] = (all.Covered + covered, all.Expected + expected);
        }

        return found;
    }
}
