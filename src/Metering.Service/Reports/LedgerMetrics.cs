using Metering.Exposition;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Metering.Service.TimeSeries;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Reports;

/// <summary>Usage per tenant, and the state of the agents, as metrics: counters in base units that only grow, from the ledger itself.</summary>
internal sealed class LedgerMetrics(LedgerStore store, SeriesReport series, TimeProvider clock, ILogger<LedgerMetrics> log)
{
    /// <summary>Tenants, by name, that have series of their own, beside what is unattributed; the sums of all others are in one series with <see cref="Overflow"/> in the place of the tenant, so that sums over a family stay right.</summary>
    internal const int MaxTenants = 1_000;

    /// <summary>Hosts that have series of their own: of those beyond is told how many they are.</summary>
    private const int MaxHosts = 10_000;

    /// <summary>Room beside <see cref="MaxTenants"/> for what is unattributed and for the others, whose costs are one series per currency.</summary>
    internal const int Beside = 100;

    /// <summary>The label of what has no series of its own, as <see cref="MetricsCollectorOptions.MaxSeriesPerFamily"/> has it.</summary>
    internal static readonly (string, string) Overflow = ("overflow", "true");
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private List<Action<MetricsWriter>> _families = [];
    private long _readAt;

    /// <summary>Reads anew when the last reading is older than 10 s, so that scrapes cost the ledger no more than that.</summary>
    public async Task RefreshAsync(Inventory inventory, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            if (_readAt != 0 && clock.GetElapsedTime(_readAt) < KeepFor) return;
            var hosts = await inventory.HostsAsync(Caller.Local, cancel);
            var tenants = await TenantsAsync(cancel);
            var written = await series.ShowAsync(cancel);
            _families = [writer => WriteHosts(writer, hosts, clock.GetUtcNow()), writer => WriteTenants(writer, tenants), writer => WriteSeries(writer, written, clock.GetUtcNow())];
            _readAt = clock.GetTimestamp();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.LogWarning("The ledger's figures are not in this scrape: {Reason}", e.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Write(MetricsWriter writer)
    {
        foreach (var family in _families) family(writer);
    }

    // One without a name, the last, holds those who are too many.
    private async Task<List<(string? Tenant, Dictionary<string, decimal> Sums)>> TenantsAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COALESCE(o.tenant, '" + OwnedInterval.UnattributedTenant + "'), " +
            string.Join(", ", Metering.Meters.MeterCatalogue.All.Where(IsCounter).Select(meter => UsageSelect.Sum(meter.Column, store.IsPostgres))) +
            " FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to GROUP BY 1 ORDER BY 1";
        var (tenants, rest) = (new List<(string?, Dictionary<string, decimal>)>(), new Dictionary<string, decimal>(StringComparer.Ordinal));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var at = 1;
            var sums = rest;
            if (tenants.Count < MaxTenants || rows.GetString(0) == OwnedInterval.UnattributedTenant) tenants.Add((rows.GetString(0), sums = new Dictionary<string, decimal>(StringComparer.Ordinal)));
            foreach (var meter in Metering.Meters.MeterCatalogue.All.Where(IsCounter))
            {
                if (UsageSelect.ReadSum(rows, store.IsPostgres, ref at) is { } sum) sums[meter.Name] = sums.GetValueOrDefault(meter.Name) + meter.Show(sum);
            }
        }

        if (rest.Count > 0) tenants.Add((null, rest));
        return tenants;
    }

    private static void WriteSeries(MetricsWriter writer, SeriesView series, DateTimeOffset now)
    {
        if (series.CurrentAt is not { } current) return;
        writer.Gauge("metering_timeseries_behind_batches", "Batches in the ledger and not in the time series.").Sample(series.BehindBatches);
        writer.Gauge("metering_timeseries_behind_seconds", "Time since the time series last had all that the ledger has.").Sample(Math.Max(0, (now - current).TotalSeconds));
        writer.Gauge("metering_timeseries_parked_lines", "Points that the time series database refused, and that are kept to be looked at.").Sample(series.Parked);
    }

    private static bool IsCounter(Metering.Meters.Meter meter) => meter.Kind == Metering.Meters.MeterKind.Sum;

    private static void WriteHosts(MetricsWriter writer, List<HostView> hosts, DateTimeOffset now)
    {
        writer.Gauge("metering_hosts_without_series", "Hosts beyond the first 10,000 by id, whose figures are only in the API.").Sample(Math.Max(0, hosts.Count - MaxHosts));
        Family("metering_host_committed_sequence", "Batches committed without a gap, of the newest epoch.", host => host.CommittedSequence);
        Family("metering_host_missing_batches", "Batches below the newest one that have not arrived.", host => host.MissingBatches);
        Family("metering_host_conservation_failures", "Readings of a parent and its children that did not add up.", host => host.ConservationFailures);
        Family("metering_host_reading_failures", "Quantities that were no difference of their readings, since this service started.", host => host.Alarms.ReadingFailures);
        Family("metering_host_chain_breaks", "Records that did not start where the one before them ended, since this service started.", host => host.Alarms.ChainBreaks);
        Family("metering_host_forks", "Batches whose number is known with other content: two journals use the same numbers.", host => host.Alarms.Forks);
        Family("metering_host_refused_batches", "Batches refused for their identity, by the host that they claimed.", host => host.Alarms.Refused);
        Family("metering_host_quarantined_batches", "Batches kept aside for their content.", host => host.Alarms.Quarantined);
        Known("metering_host_estimated_ratio", "Share of the CPU time of the last two hours that was split by time, 0 to 1.", host => host.EstimatedShare);
        Known("metering_host_unscraped_ratio", "Share of the CPU time of the last two hours that a scraper with an interval of 15 s would have missed, 0 to 1.", host => host.UnscrapedShare);
        Known("metering_host_coverage_ratio", "Share of the last day that was metered, 0 to 1.", host => host.Coverage);
        Family("metering_host_lag_seconds", "Age of the newest window in the ledger.", host => Math.Max(0, (now - host.LastWindowEnd).TotalSeconds));

        void Known(string name, string help, Func<HostView, decimal?> value)
        {
            var family = writer.Gauge(name, help, bound: MaxHosts);
            foreach (var host in hosts.Take(MaxHosts))
            {
                if (value(host) is { } known) family.Sample((double)known, ("host", host.Host));
            }
        }

        void Family(string name, string help, Func<HostView, double> value)
        {
            var family = writer.Gauge(name, help, bound: MaxHosts);
            foreach (var host in hosts.Take(MaxHosts)) family.Sample(value(host), ("host", host.Host));
        }
    }

    private static void WriteTenants(MetricsWriter writer, List<(string? Tenant, Dictionary<string, decimal> Sums)> tenants)
    {
        foreach (var meter in Metering.Meters.MeterCatalogue.All.Where(IsCounter))
        {
            if (tenants.TrueForAll(tenant => !tenant.Sums.ContainsKey(meter.Name))) continue;
            var family = writer.Counter("metering_usage_" + Snake(meter.Name), $"Usage in the ledger: {meter.Source}.", bound: MaxTenants + Beside);
            foreach (var (tenant, sums) in tenants)
            {
                if (sums.TryGetValue(meter.Name, out var sum)) family.Sample((double)sum, tenant is null ? Overflow : ("tenant", tenant));
            }
        }
    }

    private static string Snake(string name) => string.Concat(name.Select(c => char.IsAsciiLetterUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString()));
}
