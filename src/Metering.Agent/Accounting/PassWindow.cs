using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>What a pass's batches say of themselves, besides usage. Instants are the nominal ones, Unix microseconds.</summary>
/// <param name="CoveredMicroseconds">Time of the window that the counters cover.</param>
/// <param name="ExpectedMicroseconds">Time of the window.</param>
internal sealed record PassWindow(
    string Host,
    string Epoch,
    long StartMicroseconds,
    long EndMicroseconds,
    ulong CoveredMicroseconds,
    ulong ExpectedMicroseconds,
    HostFacts Facts,
    IReadOnlyDictionary<string, string> HostLabels);
