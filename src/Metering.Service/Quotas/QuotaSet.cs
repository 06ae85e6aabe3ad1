using Metering.Meters;

namespace Metering.Service.Quotas;

/// <summary>Quotas that workloads count for together. Workloads with the same have the same object, so that their usage is added up once for all of them. Immutable.</summary>
internal sealed class QuotaSet
{
    /// <param name="priced">Meters that any price is for.</param>
    public QuotaSet(IReadOnlyList<CompiledQuota> quotas, IEnumerable<Meter> priced)
    {
        Quotas = quotas;
        HasMinutes = quotas.Any(quota => quota.Slots == QuotaSlots.Minutes);
        HasStarved = quotas.Any(quota => quota.IsStarved);
        HasCost = quotas.Any(quota => quota.IsCost);
        Meter[] meters = [.. quotas.Select(quota => quota.Meter).OfType<Meter>().Concat(HasCost ? priced : []).Distinct().OrderBy(meter => meter.Index)];
        Sums = [.. meters.Where(meter => meter.Kind != MeterKind.Peak).Select(meter => meter.Index)];
        Peaks = [.. meters.Where(meter => meter.Kind == MeterKind.Peak).Select(meter => meter.Index)];
    }

    public IReadOnlyList<CompiledQuota> Quotas { get; }

    /// <summary>Indexes of the meters that are to be added up for them, and of those whose largest value is looked for.</summary>
    public int[] Sums { get; }

    public int[] Peaks { get; }

    public bool HasMinutes { get; }

    public bool HasStarved { get; }

    public bool HasCost { get; }
}
