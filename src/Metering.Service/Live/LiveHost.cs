using Metering.Service.Reports;

namespace Metering.Service.Live;

/// <summary>A host in the live view.</summary>
/// <param name="Cpus">Processors; <paramref name="CpuCores"/> is what was used of them.</param>
/// <param name="SystemCores">Of it, outside every cgroup: the kernel and interrupts, and processes in the root.</param>
/// <param name="HeldMicroseconds">Held back for live children, 1 µs each; billed when they end.</param>
/// <param name="WindowSeconds">Length that the rates are taken over.</param>
internal sealed record LiveHost(
    string Host, DateTimeOffset WindowEnd, decimal WindowSeconds, double Cpus, decimal CpuCores, decimal SystemCores, long HeldMicroseconds, decimal? EstimatedShare, decimal? UnscrapedShare, HostAlarmView Alarms);
