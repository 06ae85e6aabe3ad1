namespace Metering.Service.Reports;

/// <summary>The ledger's side of a proof: CPU of one cgroup instance and all below it, from stored batch bytes.</summary>
/// <param name="Inode">Of the newest instance at the path; the kernel's own must be the same.</param>
/// <param name="BeforeMeteringMicroseconds">The kernel's counter when metering of the instance began; not billed.</param>
/// <param name="LedgerMicroseconds">Billed since then, to the cgroup and everything below it.</param>
/// <param name="HeldMicroseconds">Held back for live children, 1 µs each; billed when they end.</param>
/// <param name="Parent">Its own newest sandwich, when it has children.</param>
/// <param name="Above">The newest sandwich of the cgroup above it; the root has none on a whole machine.</param>
/// <param name="Ended">The instance is gone.</param>
/// <param name="ExpiredThrough">End of the last window whose batch has expired, where usage of the instance may lie before it: the figure is of the kept batches only, and no difference to the kernel can be told. Null: nothing is missing.</param>
internal sealed record ProofView(
    string Host, string Path, ulong Inode, long BeforeMeteringMicroseconds, long LedgerMicroseconds, long HeldMicroseconds, DateTimeOffset LastWindowEnd, bool Ended, ParentView? Parent, ParentView? Above, DateTimeOffset? ExpiredThrough = null);
