namespace Metering.Service.Quotas;

/// <summary>What is done to the workloads of a quota while it is over its limit; hosts have to permit it too (<c>Enforcement:Actions</c>).</summary>
public sealed record QuotaEnforcement
{
    /// <summary><c>cpu.max</c>, <c>memory.high</c>, <c>io.max</c> or <c>cgroup.freeze</c>.</summary>
    public string Action { get; init => field = value ?? ""; } = "";

    /// <summary>For each workload: thousandths of a processor, bytes, or bytes per second of reading and writing each; left out for a freeze.</summary>
    public long? Value { get; init; }

    /// <summary>The value shrinks by the overrun: at twice the limit, half of it.</summary>
    public bool? Scaled { get; init; }

    /// <summary>Percent of the limit from which it is done: a threshold at or above that has to be firing; 100 when left out.</summary>
    public decimal? At { get; init; }

    /// <summary>Agents check and log what they would do.</summary>
    public bool? DryRun { get; init; }
}
