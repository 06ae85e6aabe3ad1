using System.Globalization;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary>
/// Adds usage to the running figure of every quota it counts for, in the transaction that records the usage, and records what is crossed. The window's row is locked before it is read,
/// so that of two replicas the second sees the first one's figure and each threshold is crossed by exactly one of them.
/// </summary>
internal sealed class QuotaEvaluator : IUsageListener
{
    private sealed record Loaded(long Revision, ILookup<string, (string Id, Quota Quota)> ByTenant, PriceCatalogue Prices, IReadOnlySet<string> Webhooks);

    private static readonly Dictionary<string, string> NoLabels = [];

    private Loaded? _loaded;

    public async Task UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now)
    {
        var loaded = await LoadAsync(transaction, snapshot.Revision);
        if (loaded.ByTenant.Count == 0) return;
        var growth = new QuotaGrowth();
        foreach (var row in rows) Collect(growth, loaded, row, row.Workload.OwnerAt(row.Bucket), 1);
        await ApplyAsync(transaction, growth, loaded, now);
    }

    /// <summary>What became another tenant's counts for that one, and no longer for the one before; a threshold that has fired stays fired.</summary>
    public async Task UsageMovedAsync(LedgerTransaction transaction, IReadOnlyList<MovedUsage> moves, LedgerSnapshot snapshot, DateTimeOffset now)
    {
        var loaded = await LoadAsync(transaction, snapshot.Revision);
        if (loaded.ByTenant.Count == 0) return;
        var growth = new QuotaGrowth();
        foreach (var move in moves)
        {
            Collect(growth, loaded, move.Row, move.Before, -1);
            Collect(growth, loaded, move.Row, move.After, 1);
        }

        await ApplyAsync(transaction, growth, loaded, now);
    }

    private sealed class QuotaGrowth : SortedDictionary<(string Quota, long Window), (Quota Quota, long End, Dictionary<string, decimal> Components)>;

    private static void Collect(QuotaGrowth growth, Loaded loaded, UsageRow row, OwnedInterval owner, int sign)
    {
        foreach (var (id, quota) in loaded.ByTenant[owner.Tenant])
        {
            if (quota.Subject.Project is { } project && project != owner.Project) continue;
            var (start, end) = QuotaWindow.Of(quota.Window, row.Bucket, loaded.Prices.ZoneOf(owner.Tenant));
            if (!growth.TryGetValue((id, start), out var found)) growth[(id, start)] = found = (quota, end, new Dictionary<string, decimal>(StringComparer.Ordinal));
            Count(found.Components, quota, row, owner.Tenant, loaded.Prices, sign);
        }
    }

    // In key order: replicas lock in the same order.
    private static async Task ApplyAsync(LedgerTransaction transaction, QuotaGrowth growth, Loaded loaded, DateTimeOffset now)
    {
        foreach (var ((id, start), (quota, end, components)) in growth)
        {
            if (components.Count > 0) await AddAsync(transaction, id, quota, start, end, components, loaded, now);
        }
    }

    /// <summary>Rebuilds the open windows of a quota from the ledger, after it was made or changed: what was used before counts too.</summary>
    public static async Task RebuildAsync(LedgerTransaction transaction, string id, Quota quota, LedgerOptions options, DateTimeOffset now)
    {
        var prices = await PriceCatalogue.LoadAsync(transaction.Context, CancellationToken.None);
        var grain = await LedgerGrain.ReadAsync(transaction, options);
        var (start, end) = QuotaWindow.Of(quota.Window, grain.Floor(now.ToUnixTimeSeconds()), prices.ZoneOf(quota.Subject.Tenant!));
        await transaction.ExecuteAsync("DELETE FROM quota_use WHERE quota = @quota AND window_start >= @start", ("@quota", id), ("@start", start));
        var components = new Dictionary<string, decimal>(StringComparer.Ordinal);
        var command = transaction.Command(
            "SELECT w.host, w.kind, u.bucket" + string.Concat(MeterCatalogue.All.Select(meter => ", u." + meter.Column)) + """
             FROM usage u JOIN workload w ON w.id = u.workload LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to
            WHERE u.bucket >= @start AND u.bucket < @end AND COALESCE(o.tenant, 'unattributed') = @tenant AND (@project = '' OR o.project = @project)
            """, ("@start", start), ("@end", end), ("@tenant", quota.Subject.Tenant), ("@project", quota.Subject.Project ?? ""));
        await using (var reader = await command.ExecuteReaderAsync())
        {
            var row = new UsageRow();
            while (await reader.ReadAsync())
            {
                row.Clear();
                row.Bucket = reader.GetInt64(2);
                row.Workload = new WorkloadEntry { Host = reader.GetString(0), Kind = reader.GetString(1), Key = "", Path = "", Attributes = new AttributeHistory("", new AttributeVersion(0, "", NoLabels)) };
                foreach (var meter in MeterCatalogue.All)
                {
                    if (!reader.IsDBNull(meter.Index + 3)) row.Add(meter, reader.GetInt64(meter.Index + 3));
                }

                Count(components, quota, row, quota.Subject.Tenant!, prices);
            }
        }

        foreach (var (component, used) in components) await WriteUseAsync(transaction, id, start, component, used);
    }

    /// <summary>Figure of the window that is open now, in the quota's unit. A cost is that of the cumulative quantity of each SKU, cut by the versions in their order, as a charge is.</summary>
    public static decimal Value(Quota quota, IReadOnlyDictionary<string, decimal> components, PriceCatalogue prices)
    {
        if (quota.Meter != "cost") return MeterCatalogue.TryFind(quota.Meter, out var meter) ? meter.Show(components.Values.Sum()) : 0;

        var lines = new List<(PriceLine Line, long From, decimal Used)>();
        foreach (var (component, used) in components)
        {
            var parts = component.Split('\u001f');
            var version = prices.Book(parts[0]).FirstOrDefault(validity => validity.Version == int.Parse(parts[1], CultureInfo.InvariantCulture));
            if (version?.Lines.FirstOrDefault(line => line.Sku == parts[2]) is { } line) lines.Add((line, version.From, used));
        }

        var cost = Amount.Zero;
        var charges = new List<Charge>();
        foreach (var sku in lines.GroupBy(one => one.Line.Sku, StringComparer.Ordinal))
        {
            var cumulative = new Cumulative(sku.First().Line.Unit.BaseUnits);
            charges.Clear();
            foreach (var (line, _, used) in sku.OrderBy(one => one.From)) cumulative.AddSum(line, (Int128)used, charges);
            foreach (var charge in charges) cost += charge.Cost;
        }

        return cost.ToNearest();
    }

    private static void Count(Dictionary<string, decimal> components, Quota quota, UsageRow row, string tenant, PriceCatalogue prices, int sign = 1)
    {
        if (quota.Meter != "cost")
        {
            if (MeterCatalogue.TryFind(quota.Meter, out var meter) && (row.Known & (1 << meter.Index)) != 0 && row.Values[meter.Index] != 0) Add(meter.Name, row.Values[meter.Index]);
            return;
        }

        if (prices.At(tenant, row.Bucket).Prices is not { } holds) return;
        var workload = prices.AsksTraits ? new WorkloadTraits(row.Workload.Host, row.Workload.Kind, row.Workload.Attributes.Latest.Labels, NoLabels) : WorkloadTraits.Unknown;
        var priced = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in holds.Lines)
        {
            // What CostQuotaGuard lets pass: usage or reservation alone, so that growth adds up.
            if (line.Meter is null || line.Basis == PriceBasis.Larger || (line.Selector is not null && !line.Selector.Matches(workload)) || !priced.Add(line.Name)) continue;
            if (line.TryBase(row.Values, row.Known, 0, out var used) && used != 0) Add(string.Create(CultureInfo.InvariantCulture, $"{line.Book}\u001f{line.Version}\u001f{line.Sku}"), used);
        }

        void Add(string component, long quantity) => components[component] = components.GetValueOrDefault(component) + sign * (decimal)quantity;
    }

    private static async Task AddAsync(LedgerTransaction transaction, string id, Quota quota, long start, long end, Dictionary<string, decimal> growth, Loaded loaded, DateTimeOffset now)
    {
        // The upsert takes the row's lock; whoever comes second waits here and then reads what the first has written.
        var lockRow = transaction.Command("""
            INSERT INTO quota_window (quota, window_start, window_end, fired) VALUES (@quota, @start, @end, '')
            ON CONFLICT (quota, window_start) DO UPDATE SET window_end = excluded.window_end RETURNING fired
            """, ("@quota", id), ("@start", start), ("@end", end));
        var fired = (string?)await lockRow.ExecuteScalarAsync() ?? "";

        var used = await ReadUseAsync(transaction, id, start);
        foreach (var (component, quantity) in growth)
        {
            used[component] = used.GetValueOrDefault(component) + quantity;
            await WriteUseAsync(transaction, id, start, component, used[component]);
        }

        var value = Value(quota, used, loaded.Prices);
        var done = fired.Split(',', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal);
        var before = done.Count;
        foreach (var threshold in quota.Thresholds.Order())
        {
            var name = threshold.ToString("0.##########", CultureInfo.InvariantCulture);
            if (value < quota.Limit * threshold / 100 || done.Contains(name)) continue;
            done.Add(name);
            await FireAsync(transaction, id, quota, threshold, name, value, start, end, loaded, now);
        }

        if (done.Count == before) return;
        await transaction.ExecuteAsync("UPDATE quota_window SET fired = @fired WHERE quota = @quota AND window_start = @start",
            ("@fired", string.Join(',', done)), ("@quota", id), ("@start", start));
    }

    private static async Task FireAsync(
        LedgerTransaction transaction, string id, Quota quota, decimal threshold, string name, decimal value, long start, long end, Loaded loaded, DateTimeOffset now)
    {
        var eventId = string.Create(CultureInfo.InvariantCulture, $"qc_{id}_{start}_{name.Replace('.', '-')}");
        var subject = new Dictionary<string, string>(StringComparer.Ordinal) { ["tenant"] = quota.Subject.Tenant! };
        if (quota.Subject.Project is { } project) subject["project"] = project;
        var crossing = new QuotaCrossed
        {
            Quota = id,
            Subject = subject,
            Meter = quota.Meter,
            WindowStart = DateTimeOffset.FromUnixTimeSeconds(start),
            WindowEnd = DateTimeOffset.FromUnixTimeSeconds(end),
            Threshold = threshold,
            Limit = quota.Limit,
            Value = value,
            State = "firing",
        };
        await Outbox.AddAsync(transaction, eventId, quota.Subject.Tenant, crossing, quota.Notify.Where(loaded.Webhooks.Contains), now);
    }

    internal static async Task<Dictionary<string, decimal>> ReadUseAsync(LedgerTransaction transaction, string id, long start)
    {
        var used = new Dictionary<string, decimal>(StringComparer.Ordinal);
        var command = transaction.Command("SELECT component, used FROM quota_use WHERE quota = @quota AND window_start = @start", ("@quota", id), ("@start", start));
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) used[rows.GetString(0)] = rows.GetDecimal(1);
        return used;
    }

    private static Task WriteUseAsync(LedgerTransaction transaction, string id, long start, string component, decimal used) => transaction.ExecuteAsync(
        "INSERT INTO quota_use (quota, window_start, component, used) VALUES (@quota, @start, @component, @used) ON CONFLICT (quota, window_start, component) DO UPDATE SET used = excluded.used",
        ("@quota", id), ("@start", start), ("@component", component), ("@used", used));

    private async Task<Loaded> LoadAsync(LedgerTransaction transaction, long revision)
    {
        if (_loaded is { } known && known.Revision == revision) return known;
        var stored = await transaction.Context.Set<StoredQuota>().AsNoTracking().ToListAsync();
        var quotas = stored.ConvertAll(row => (row.Id, Quota: JsonSerializer.Deserialize<Quota>(row.Json, LedgerJson.Options)!));
        var webhooks = await transaction.Context.Set<Webhook>().AsNoTracking().Select(webhook => webhook.Id).ToListAsync();
        var prices = await PriceCatalogue.LoadAsync(transaction.Context, CancellationToken.None);
        return _loaded = new Loaded(revision, quotas.ToLookup(pair => pair.Quota.Subject.Tenant ?? OwnedInterval.UnattributedTenant), prices, webhooks.ToHashSet(StringComparer.Ordinal));
    }
}
