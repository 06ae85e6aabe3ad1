namespace Metering.Cli.Demo;

/// <summary>A host that does not exist.</summary>
/// <param name="Memory">GiB.</param>
internal sealed record DemoHost(string Id, int Cpus, int Memory, IReadOnlyList<DemoWorkload> Workloads);
