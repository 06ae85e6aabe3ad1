using System.Text.Json.Serialization;

namespace Metering.Cli.Running;

/// <summary>One cgroup's CPU by the kernel and by the ledger, in microseconds.</summary>
internal sealed record Proof(
    string Path, ulong Inode, long KernelMicroseconds, long BeforeMeteringMicroseconds, long LedgerMicroseconds, long HeldMicroseconds, DateTimeOffset LastWindowEnd)
{
    /// <summary>Used since the last window that the ledger has.</summary>
    public long DifferenceMicroseconds => KernelMicroseconds - BeforeMeteringMicroseconds - LedgerMicroseconds - HeldMicroseconds;

    /// <summary>More was billed than the kernel counted since metering began.</summary>
    [JsonIgnore]
    public bool IsOverbilled => LedgerMicroseconds > KernelMicroseconds - BeforeMeteringMicroseconds;
}
