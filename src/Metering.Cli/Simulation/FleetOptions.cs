namespace Metering.Cli.Simulation;

/// <summary>What makes a simulated fleet; the same values give the same bytes.</summary>
internal sealed record FleetOptions(int Hosts, int Workloads, int Passes, TimeSpan Interval, ulong Seed, DateTimeOffset From)
{
    public DateTimeOffset To => From + Interval * Passes;
}
