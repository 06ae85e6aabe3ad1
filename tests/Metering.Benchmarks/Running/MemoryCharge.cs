namespace Metering.Benchmarks.Running;

/// <summary>Bytes charged to a cgroup.</summary>
/// <param name="Total">Everything, page cache and kernel memory included.</param>
/// <param name="Cache">Page cache: files that the process was the first to touch, its journal's included. The kernel takes it back when it is short.</param>
/// <param name="Kernel">Kernel memory: descriptors, inodes, dentries, watches, page tables; null where it is not told apart.</param>
internal sealed record MemoryCharge(long Total, long Cache, long? Kernel);
