namespace Metering.Cli.Simulation;

/// <summary>What a simulation sent, and how fast the service committed it.</summary>
/// <param name="Duplicates">Batches that the ledger had already: the same simulation was run before.</param>
/// <param name="Totals">By API name of the meter, in API units; exact.</param>
internal sealed record SimulationReport(
    int Hosts, int Workloads, int Passes, decimal IntervalSeconds, ulong Seed, DateTimeOffset From, DateTimeOffset To, string Transport, long Batches, long Records, long Duplicates,
    double Seconds, double BatchesPerSecond, double RecordsPerSecond, bool Committed, IReadOnlyDictionary<string, decimal> Totals);
