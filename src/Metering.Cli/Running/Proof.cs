using System.Text.Json.Serialization;
using Metering.Service.Reports;

namespace Metering.Cli.Running;

/// <summary>One cgroup's CPU by the kernel and by the ledger, in microseconds.</summary>
/// <param name="KernelMicroseconds">Null when the cgroup has ended, or is another host's: then the ledger speaks alone.</param>
/// <param name="Parent">Its own newest sandwich, when it has children; <paramref name="Above"/> that of the cgroup above it.</param>
/// <param name="ExpiredThrough">Batches up to then have expired and usage of the cgroup may have been in them: then there is no difference to tell.</param>
/// <param name="Alarms">What is wrong with the host's batches, in words; empty when nothing is.</param>
internal sealed record Proof(
    string Host, string Path, ulong Inode, bool Ended, long? KernelMicroseconds, long BeforeMeteringMicroseconds, long LedgerMicroseconds, long HeldMicroseconds, DateTimeOffset LastWindowEnd,
    ParentView? Parent, ParentView? Above, string Alarms, DateTimeOffset? ExpiredThrough = null)
{
    /// <summary>Used since the last window that the ledger has; null when the kernel's figure is not to be had, or part of the ledger's has expired.</summary>
    public long? DifferenceMicroseconds => ExpiredThrough is not null ? null : KernelMicroseconds - BeforeMeteringMicroseconds - LedgerMicroseconds - HeldMicroseconds;

    /// <summary>More was billed than the kernel counted since metering began.</summary>
    [JsonIgnore]
    public bool IsOverbilled => LedgerMicroseconds > KernelMicroseconds - BeforeMeteringMicroseconds;

    /// <summary>A sandwich that does not hold.</summary>
    [JsonIgnore]
    public bool IsBroken => Parent is { Holds: false } || Above is { Holds: false };
}
