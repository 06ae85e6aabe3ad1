using Metering.Meters;

namespace Metering.Service.Ui;

/// <summary>Sums of what the page shows. A meter that no row knew stays null and is shown as "–", never as 0.</summary>
public sealed class Amounts
{
    private readonly SortedDictionary<string, decimal> _cost = new(StringComparer.Ordinal);

    public decimal? CpuSeconds { get; private set; }

    /// <summary>CPU seconds that a scraper with an interval of 15 s would have missed; part of <see cref="CpuSeconds"/>.</summary>
    public decimal UnscrapedCpuSeconds { get; private set; }

    /// <summary>Its share, 0 to 1; null when no CPU time is known.</summary>
    public decimal? UnscrapedShare => CpuSeconds is { } cpu && cpu > 0 ? UnscrapedCpuSeconds / cpu : null;

    public decimal? MemoryByteSeconds { get; private set; }

    public decimal? IoReadBytes { get; private set; }

    public decimal? IoWriteBytes { get; private set; }

    /// <summary>Read and written; null when neither is known.</summary>
    public decimal? IoBytes => IoReadBytes is null && IoWriteBytes is null ? null : (IoReadBytes ?? 0) + (IoWriteBytes ?? 0);

    /// <summary>By currency; empty when no price holds.</summary>
    public IReadOnlyDictionary<string, decimal> Cost => _cost;

    public void Add(IReadOnlyDictionary<string, decimal> quantities)
    {
        CpuSeconds = Sum(CpuSeconds, quantities, MeterCatalogue.Cpu);
        MemoryByteSeconds = Sum(MemoryByteSeconds, quantities, MeterCatalogue.Memory);
        IoReadBytes = Sum(IoReadBytes, quantities, MeterCatalogue.IoReadBytes);
        IoWriteBytes = Sum(IoWriteBytes, quantities, MeterCatalogue.IoWriteBytes);
    }

    public void AddUnscraped(decimal cpuSeconds) => UnscrapedCpuSeconds += cpuSeconds;

    public void AddCost(string? currency, decimal? cost)
    {
        if (currency is not null && cost is { } known) _cost[currency] = _cost.GetValueOrDefault(currency) + known;
    }

    private static decimal? Sum(decimal? sum, IReadOnlyDictionary<string, decimal> quantities, Meter meter) =>
        quantities.TryGetValue(meter.Name, out var value) ? (sum ?? 0) + value : sum;
}
