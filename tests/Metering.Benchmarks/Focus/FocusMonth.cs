using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Metering.Benchmarks.Rating;
using Metering.Meters;
using Metering.Service.Billing;
using Metering.Service.Focus;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Benchmarks.Focus;

/// <summary>A ledger with a month of usage and the charges that it was closed with, and exports of it.</summary>
internal sealed class FocusMonth : IAsyncDisposable
{
    private static readonly BillingPeriod Month = new(2026, 10);
    private static readonly long Start = new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();
    private readonly LedgerOptions _options;
    private readonly LedgerStore _store;

    private FocusMonth(LedgerOptions options) => (_options, _store) = (options, LedgerStore.Create(options));

    public static async Task<FocusMonth> CreateAsync(string connection, int workloads, int days, Action<string> progress, CancellationToken cancel)
    {
        var month = new FocusMonth(new LedgerOptions { ConnectionString = connection });
        await month._store.OpenAsync(cancel);
        progress($"writing {workloads} workloads × {days * 24} hours");
        await month._store.WriteAsync(transaction => ConfigureAsync(transaction, workloads, cancel), cancel);
        for (var hour = 0; hour < days * 24; hour += 24)
        {
            var from = hour;
            await month._store.WriteAsync(transaction => UsageAsync(transaction, from, from + 24, workloads), cancel);
        }

        // Closed as far as an export looks: charges, documents, manifest. Coverage and batches are another benchmark's.
        progress("closing");
        var draft = await new PeriodDrafter(month._store, month._options).DraftAsync(Month, cancel);
        await month._store.WriteAsync(async transaction =>
        {
            await ChargeStore.InsertAsync(transaction, draft.Charges, 0, draft.Charges.Count);
            foreach (var document in draft.Documents) await InvoiceStore.InsertAsync(transaction, document, document.Json(), PeriodManifest.Hash(document.Json()));
            var manifest = draft.Manifest([]).Json();
            await InvoiceStore.InsertAsync(transaction, new ClosedPeriod(Month.ToString(), manifest, PeriodManifest.Hash(manifest), draft.Previous, draft.Configuration));
        }, cancel);
        return month;
    }

    /// <summary>Exports to nowhere, or to the checker; the number of rows.</summary>
    public async Task<long> ExportAsync(string grain, bool check, Report report, CancellationToken cancel)
    {
        if (!check) return await Export().WriteAsync(Request(grain), PipeWriter.Create(Stream.Null), cancel);
        var conformance = await Export().CheckAsync(Request(grain), isSelection: false, cancel);
        report.Checks.Add(new Check("every rule holds", conformance.Conforms, conformance.Findings.FirstOrDefault(finding => finding.Violations > 0)?.ToString() ?? $"{conformance.Rules} rules"));
        return conformance.Rows["cost-and-usage"];
    }

    /// <summary>Exports hour by hour and looks at what is live as it goes on.</summary>
    public async Task<HeapProbe> ProbeAsync(CancellationToken cancel)
    {
        var probe = new HeapProbe();
        await Export().WriteAsync(Request("hour"), PipeWriter.Create(probe), cancel);
        return probe;
    }

    public async ValueTask DisposeAsync() => await _store.DisposeAsync();

    private FocusExport Export() => new(_store, _options, new PeriodDrafter(_store, _options), new FocusOptions(), TimeProvider.System);

    private static FocusRequest Request(string grain) => FocusRequest.From(Month.ToString(), "1.4", null, grain, null, null, [])!;

    private static async Task ConfigureAsync(LedgerTransaction transaction, int workloads, CancellationToken cancel)
    {
        foreach (var table in (string[])["usage", "ownership", "workload", "tenant", "price_version"]) await transaction.ExecuteAsync("DELETE FROM " + table);
        for (var tenant = 0; tenant < RateScenario.Tenants; tenant++) transaction.Context.Add(new Tenant { Id = RateScenario.Tenant(tenant), Name = "Tenant " + tenant.ToString(CultureInfo.InvariantCulture), PriceBook = "b" });
        Price[] prices = [Graduated("cpuSeconds", "Core-Hours"), Graduated("memoryByteSeconds", "GiB-Hours"), Graduated("ioReadBytes", "GiB")];
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(new PriceVersion { Currency = "EUR", Prices = prices }, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(cancel);
        for (var workload = 1; workload <= workloads; workload++)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO workload (id, host, kind, key, name, path, labels, attributes_from, former, availability, first_seen, last_seen, ended)
                VALUES (@id, @host, 'docker', @key, @name, @path, '{"app":"web","env":"prod","team":"shop"}', 0, 0, '', 0, 0, 0)
                """, ("@id", (long)workload), ("@host", $"host-{workload % 50:D3}"), ("@key", $"{workload:x64}"), ("@name", $"app-{workload}"), ("@path", $"/docker/{workload:x64}"));
            await transaction.ExecuteAsync("INSERT INTO ownership (workload, valid_from, valid_to, tenant, project) VALUES (@id, 0, 9223372036854775807, @tenant, 'shop')", ("@id", (long)workload), ("@tenant", RateScenario.Tenant(workload % RateScenario.Tenants)));
        }
    }

    private static async Task UsageAsync(LedgerTransaction transaction, int from, int to, int workloads)
    {
        for (var hour = from; hour < to; hour++)
        {
            var bucket = (Start + hour * 3600L).ToString(CultureInfo.InvariantCulture);

            // Both databases make the rows themselves: what is measured comes after.
            var numbers = transaction.Store.IsPostgres ? $"SELECT generate_series(1::bigint, {workloads}) AS i" : $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {workloads}) SELECT i FROM n";
            await transaction.ExecuteAsync(
                $"INSERT INTO usage (bucket, workload, {MeterCatalogue.Cpu.Column}, {MeterCatalogue.Memory.Column}, {MeterCatalogue.IoReadBytes.Column}, estimated_us, unscraped_us) " +
                $"SELECT {bucket}, i, (i * 7919 + {hour} * 104729) % 3600000000 + 1, ((i * 104729 + {hour} * 7919) % 4000000 + 1) * 3600000, (i * 15485863 + {hour}) % 10000000000, 0, 0 FROM ({numbers}) AS rows");
        }
    }

    private static Price Graduated(string meter, string unit) =>
        new() { Meter = meter, Unit = unit, Model = "graduated", Tiers = [new Tier(1_000, 0.05m), new Tier(10_000, 0.04m), new Tier(100_000, 0.0312345678m), new Tier(null, 0.02m)] };
}
