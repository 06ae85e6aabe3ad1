using Metering.Messages;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Live;

/// <summary>
/// Reads what is used now from the stored batches of the last minute; nothing is kept for it at ingest. One reading serves all who ask,
/// and is kept for ten times as long as it took, so that open views cost the ledger at most a tenth of one core.
/// </summary>
internal sealed class LiveFeed(LedgerStore store, Inventory inventory, TimeProvider clock)
{
    private const int MaxBatchesPerHost = 2_000;
    private const int MaxWorkloads = 10_000;
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Silent = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private LiveView? _last;
    private TimeSpan _keep;
    private long _readAt;

    /// <summary>The live view as far as the caller may see it.</summary>
    public async Task<LiveView> GetAsync(Caller caller, CancellationToken cancel)
    {
        var all = await AllAsync(cancel);
        if (caller.Tenant is not { } tenant) return all;
        var owned = await OwnedAsync(caller, cancel);
        var mine = all.Workloads.Where(workload => workload.Tenant == tenant && owned.Contains((workload.Host, workload.Kind, workload.Id))).ToList();
        return all with { Hosts = [], Workloads = mine, CpuCores = mine.Sum(workload => workload.CpuCores ?? 0), UnattributedCores = 0, HeldMicroseconds = 0, UnscrapedShare = null };
    }

    // A batch is a host's, with the usage of all tenants on it, so the reading is everybody's: what is shown of it is what the database shows the caller.
    private async Task<HashSet<(string Host, string Kind, string Id)>> OwnedAsync(Caller caller, CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        await using var connection = await store.OpenReadAsync(caller, cancel);
        await using var command = VerifyRun.Command(connection, "SELECT w.host, w.kind, w.key FROM ownership o JOIN workload w ON w.id = o.workload WHERE o.tenant = @tenant AND o.valid_to > @recent AND w.last_seen > @recent",
            ("@tenant", caller.Tenant!), ("@recent", now - 3600));
        var owned = new HashSet<(string, string, string)>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) owned.Add((rows.GetString(0), rows.GetString(1), rows.GetString(2)));
        return owned;
    }

    private async Task<LiveView> AllAsync(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            if (_last is not null && clock.GetElapsedTime(_readAt) < _keep) return _last;
            var began = clock.GetTimestamp();
            _last = await ReadAsync(cancel);
            _readAt = clock.GetTimestamp();
            var kept = clock.GetElapsedTime(began) * 10;
            _keep = kept > KeepAtLeast ? kept : KeepAtLeast;
            return _last;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<LiveView> ReadAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        PriceCatalogue prices;
        await using (var context = await store.ReadContextAsync(Caller.Local, cancel)) prices = await PriceCatalogue.LoadAsync(context, cancel);
        var (hosts, workloads, cut) = (new List<LiveHost>(), new List<LiveWorkload>(), false);
        foreach (var host in await inventory.HostsAsync(Caller.Local, cancel))
        {
            if (now - host.LastWindowEnd > Silent) continue;
            var (sums, isCut) = await SumsAsync(host, cancel);
            var known = await NamesAsync(host, now.ToUnixTimeSeconds(), cancel);
            cut |= isCut;
            decimal cores = 0, system = 0;
            foreach (var ((kind, id), sum) in sums.Workloads)
            {
                var (name, tenant, traits) = known.GetValueOrDefault((kind, id), (sum.Name, "unattributed", WorkloadTraits.Unknown));
                var line = Line(host.Host, kind, id, name, tenant, sums, sum, prices.At(tenant, now.ToUnixTimeSeconds()).Prices?.Lines ?? [], traits);
                workloads.Add(line);
                cores += line.CpuCores ?? 0;
                if (kind == "system") system += line.CpuCores ?? 0;
            }

            hosts.Add(new LiveHost(host.Host, host.LastWindowEnd, sums.RateSeconds, host.Cpus, cores, system, sums.Held, host.EstimatedShare, host.UnscrapedShare, host.Alarms));
        }

        workloads.Sort(static (a, b) => (b.CpuCores ?? 0).CompareTo(a.CpuCores ?? 0) is var order and not 0 ? order : string.CompareOrdinal(a.Host + a.Id, b.Host + b.Id));
        var total = hosts.Sum(host => host.CpuCores);
        var shares = hosts.Where(host => host.UnscrapedShare is not null).ToList();
        var weight = shares.Sum(host => host.CpuCores);
        return new LiveView(
            now, hosts, workloads.Count > MaxWorkloads ? workloads[..MaxWorkloads] : workloads, total, workloads.Where(workload => workload.Tenant == "unattributed").Sum(workload => workload.CpuCores ?? 0),
            hosts.Sum(host => host.HeldMicroseconds), shares.Count == 0 ? null : weight > 0 ? Math.Round(shares.Sum(host => host.UnscrapedShare!.Value * host.CpuCores) / weight, 6) : shares.Average(host => host.UnscrapedShare),
            cut || workloads.Count > MaxWorkloads);
    }

    private static LiveWorkload Line(string host, string kind, string id, string name, string tenant, LiveSums sums, LiveSums.Sum sum, PriceLine[] prices, WorkloadTraits traits)
    {
        var (read, written) = (sums.Rate(sum, MeterCatalogue.IoReadBytes), sums.Rate(sum, MeterCatalogue.IoWriteBytes));
        decimal? cost = null;
        var priced = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in prices)
        {
            if (line.Unit == PricingUnit.Months || (line.Selector is not null && !line.Selector.Matches(traits)) || !priced.Add(line.Name)) continue;
            if (Rate(sums, sum, line) is { } rate) cost = (cost ?? 0) + Math.Round(rate * 3600 / line.Unit.BaseUnits * line.PriceOf(0) * PriceLine.NanoScale / (line.Block == 0 ? PriceLine.NanoScale : (decimal)line.Block), 10);
        }

        return new LiveWorkload(
            host, kind, id, name, sum.Path, tenant, Round(sums.Rate(sum, MeterCatalogue.Cpu) / MeterCatalogue.Cpu.Scale, 6), Round(sums.Rate(sum, MeterCatalogue.Memory), 0),
            read is null && written is null ? null : Round((read ?? 0) + (written ?? 0), 0), cost, cost is null ? null : prices[0].Currency);
    }

    // What the price counts per second, in base units. A price per month has no rate of its own here: its unit is as long as the month.
    private static decimal? Rate(LiveSums sums, LiveSums.Sum sum, PriceLine line)
    {
        if (line.Unit.BaseUnits == 0) return null;
        if (line.Meter is not { } meter) return 1;
        var (used, reserved) = (sums.Rate(sum, meter), line.Reserved is { } other ? sums.Rate(sum, other) : null);
        return line.Basis switch
        {
            PriceBasis.Usage => used,
            PriceBasis.Reservation => reserved,
            _ => used > reserved || reserved is null ? used : reserved,
        };
    }

    private static decimal? Round(decimal? value, int places) => value is { } known ? Math.Round(known, places) : null;

    private async Task<(LiveSums Sums, bool IsCut)> SumsAsync(HostView host, CancellationToken cancel)
    {
        var end = UnixTime.ToUnixMicroseconds(host.LastWindowEnd);
        var sums = new LiveSums(end, UnixTime.ToUnixMicroseconds(host.FirstWindowStart));
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);

        // The newest first, by index receipt_agent_window. A window without length is an epoch's first pass, which bills nothing.
        await using var command = VerifyRun.Command(connection, """
            SELECT b.bytes FROM receipt r JOIN batch b ON b.agent = r.agent AND b.sequence = r.sequence
            WHERE r.agent = (SELECT id FROM agent WHERE epoch = @epoch) AND r.quarantined = 0 AND r.window_end > @from AND r.window_start < r.window_end ORDER BY r.window_end DESC LIMIT @limit
            """, ("@epoch", host.Epoch), ("@from", end - LiveSums.LevelMicroseconds), ("@limit", (long)MaxBatchesPerHost));
        var count = 0;
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            count++;
            var bytes = (byte[])rows[0];
            var batch = BatchDecoder.Decode(bytes, DateTimeOffset.MaxValue.AddDays(-2), out var fault);
            if (fault is null) sums.Add(batch, batch.WindowEnd > end - LiveSums.RateMicroseconds ? UsageBatch.Parser.ParseFrom(bytes) : null);
        }

        return (sums, count == MaxBatchesPerHost);
    }

    private async Task<Dictionary<(string, string), (string Name, string Tenant, WorkloadTraits Traits)>> NamesAsync(HostView host, long now, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT w.kind, w.key, w.name, COALESCE(o.tenant, 'unattributed'), w.labels FROM workload w
            LEFT JOIN ownership o ON o.workload = w.id AND o.valid_from <= @now AND o.valid_to > @now WHERE w.host = @host AND (w.ended = 0 OR w.last_seen > @recent)
            """, ("@host", host.Host), ("@now", now), ("@recent", now - 3600));
        var names = new Dictionary<(string, string), (string, string, WorkloadTraits)>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
            names[(rows.GetString(0), rows.GetString(1))] = (rows.GetString(2), rows.GetString(3), new WorkloadTraits(host.Host, rows.GetString(0), TraitsReader.Labels(rows.GetString(4)), host.Labels));
        return names;
    }
}
