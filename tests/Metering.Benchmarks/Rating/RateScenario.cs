using System.Diagnostics;
using System.Globalization;
using Metering.Meters;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Benchmarks.Rating;

/// <summary>Rows of usage to charge rows per (workload, meter, tier, day), from memory, on one core.</summary>
internal sealed class RateScenario : IScenario
{
    internal const int Rows = 1_000_000;
    internal const int Workloads = 2_000;
    internal const int Tenants = 20;
    private const double Target = 500_000;
    internal const long Hour = 3600;

    internal static readonly long Start = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    public string Name => "rate";

    public string Summary => "1,000,000 usage rows against graduated tiers, from memory; and from SQLite; beside CloudKitty; parts: cpu, three, selectors, store, cloudkitty";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        Price[] three = [Graduated("cpuSeconds", "Core-Hours"), Graduated("memoryByteSeconds", "GiB-Hours"), Graduated("ioReadBytes", "GiB")];
        Price[] selected = [.. three.SelectMany(price => new[] { price with { Selector = new PriceSelector { HostClass = "gpu" } }, price })];
        foreach (var (part, name, prices) in new[] { ("cpu", "one meter", three[..1]), ("three", "three meters", three), ("selectors", "three meters, by host class", selected) })
        {
            if (!options.Wants(part)) continue;
            options.Progress(name);
            var rates = new List<double>();
            Amount? total = null;
            for (var round = 0; round < (options.Full ? 15 : 5); round++)
            {
                cancel.ThrowIfCancellationRequested();
                var (rate, sum, charges) = Run(prices, Rows);
                if (round == 0) report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: {charges:#,0} charge rows"));
                if (total is { } first && first != sum) report.Checks.Add(new Check($"{name}: same total in every round", false, $"{first} and {sum}"));
                total = sum;
                rates.Add(rate);
            }

            report.Add($"{name}: rows rated", "rows/s", rates, Target);
            report.Checks.Add(new Check($"{name}: Σ charge rows = tiers of the whole quantity, in whole numbers", total == Whole(prices), $"{total} EUR"));
        }

        if (options.Wants("store")) await StoreRates.AddAsync(report, options, Catalogue(three), Used, cancel);
        if (options.Wants("cloudkitty")) await CloudKittyRates.AddAsync(report, options, rows => PerUnit(rows), cancel);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{Workloads:#,0} workloads of {Tenants} tenants, hour by hour; a round rates all rows on one core and gives out every charge row"));
        return report;
    }

    // One price for each unit, as a plain rule of CloudKitty has it.
    private static (double Seconds, Amount Total) PerUnit(int rows)
    {
        var (rate, total, _) = Run([Plainly("cpuSeconds", "Core-Hours", 0.05m), Plainly("memoryByteSeconds", "GiB-Hours", 0.01m), Plainly("ioReadBytes", "GiB", 0.002m)], rows);
        return (rows / rate, total);
    }

    private static Price Plainly(string meter, string unit, decimal price) => new() { Meter = meter, Unit = unit, Amount = price };

    private static (double Rate, Amount Total, long Charges) Run(Price[] prices, int rows)
    {
        var catalogue = Catalogue(prices);
        var (total, charges) = (Amount.Zero, 0L);
        var book = new ChargeBook(new Rater(catalogue, Traits), catalogue, row =>
        {
            total += row.Cost;
            charges++;
        });
        var names = Enumerable.Range(0, Tenants).Select(Tenant).ToArray();
        var values = new long[MeterCatalogue.All.Count];
        var known = 1 << MeterCatalogue.Cpu.Index | 1 << MeterCatalogue.Memory.Index | 1 << MeterCatalogue.IoReadBytes.Index;
        GC.Collect();
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < rows; i++)
        {
            var workload = i % Workloads;
            (values[MeterCatalogue.Cpu.Index], values[MeterCatalogue.Memory.Index], values[MeterCatalogue.IoReadBytes.Index]) = Used(i);
            book.Add(names[workload % Tenants], Start + i / Workloads * Hour, Hour, workload + 1, values, known);
        }

        book.Finish([]);
        return (rows / Stopwatch.GetElapsedTime(began).TotalSeconds, total, charges);
    }

    // By the sums of a tenant, each SKU at once.
    private static Amount Whole(Price[] prices)
    {
        var total = Amount.Zero;
        var charges = new List<Charge>();
        foreach (var tenant in Enumerable.Range(0, Tenants))
        {
            var rater = new Rater(Catalogue(prices), Traits).For(Tenant(tenant));
            var sums = new Dictionary<(bool Gpu, int Meter), Int128>();
            for (var i = 0; i < Rows; i++)
            {
                var workload = i % Workloads;
                if (workload % Tenants != tenant) continue;
                var gpu = Traits(workload + 1).HostLabels.Count > 0;
                var (cpu, memory, read) = Used(i);
                Add(gpu, MeterCatalogue.Cpu.Index, cpu);
                Add(gpu, MeterCatalogue.Memory.Index, memory);
                Add(gpu, MeterCatalogue.IoReadBytes.Index, read);
            }

            var selects = prices.Any(price => price.Selector is not null);
            foreach (var line in Catalogue(prices).At(Tenant(tenant), Start).Prices!.Lines)
            {
                var index = line.Meter!.Index;
                var sum = !selects ? sums[(true, index)] + sums[(false, index)] : sums[(line.Selector is not null, index)];
                charges.Clear();
                new Cumulative(line.Unit.BaseUnits).AddSum(line, sum, charges);
                foreach (var charge in charges) total += charge.Cost;
            }

            void Add(bool gpu, int meter, long quantity) => sums[(gpu, meter)] = sums.GetValueOrDefault((gpu, meter)) + quantity;
        }

        return total;
    }

    private static (long Cpu, long Memory, long Read) Used(int i) => (i * 7919L % 3_600_000_000 + 1, (i * 104_729L % 4_000_000_000 + 1) * 3600, i * 15_485_863L % 10_000_000_000);

    private static readonly WorkloadTraits Gpu = new("h", "docker", new Dictionary<string, string>(), new Dictionary<string, string> { ["class"] = "gpu" });

    private static readonly WorkloadTraits Plain = new("h", "docker", new Dictionary<string, string>(), new Dictionary<string, string>());

    private static WorkloadTraits Traits(long workload) => workload / Tenants % 3 == 0 ? Gpu : Plain;

    internal static string Tenant(int i) => "tenant-" + i.ToString(CultureInfo.InvariantCulture);

    private static PriceCatalogue Catalogue(Price[] prices) =>
        new(Enumerable.Range(0, Tenants).Select(i => new Tenant { Id = Tenant(i), PriceBook = "b", TimeZone = "Europe/Berlin" }), [("b", 1, new PriceVersion { Currency = "EUR", Prices = prices })]);

    private static Price Graduated(string meter, string unit) =>
        new() { Meter = meter, Unit = unit, Model = "graduated", Tiers = [new Tier(1_000, 0.05m), new Tier(10_000, 0.04m), new Tier(100_000, 0.0312345678m), new Tier(null, 0.02m)] };
}
