namespace Metering.Service.Live;

/// <summary>A workload's rates over the last windows of its host. What is not metered is absent, not 0.</summary>
/// <param name="CpuCores">CPU time per time.</param>
/// <param name="MemoryBytes">Memory held, on average over the last minute or since it was born.</param>
/// <param name="IoBytesPerSecond">Read and written.</param>
/// <param name="CostPerHour">At the tenant's prices of now, of tiers the first, if it goes on like this; null when no price holds. Prices per month are not in it.</param>
internal sealed record LiveWorkload(
    string Host, string Kind, string Id, string Name, string Path, string Tenant, decimal? CpuCores, decimal? MemoryBytes, decimal? IoBytesPerSecond, decimal? CostPerHour, string? Currency);
