using System.Globalization;
using Metering.Agent.Accounting;

namespace Metering.Agent.Journal;

/// <summary>What the first pass of an epoch found already used: shown, never billed.</summary>
/// <param name="CpuMicroseconds">CPU of the whole tree before that pass.</param>
/// <param name="Cgroups">How many cgroups had used some.</param>
internal sealed record BeforeMetering(ulong CpuMicroseconds, int Cgroups)
{
    /// <summary>The host label: CPU seconds, a decimal with six places.</summary>
    public const string Label = "before-metering.cpu-seconds";

    public string CpuSeconds => (CpuMicroseconds / 1_000_000m).ToString("0.000000", CultureInfo.InvariantCulture);

    /// <summary>After the first pass of an epoch: where each account began.</summary>
    public static BeforeMetering Of(Meterer meterer) =>
        new(meterer.Root.Cpu.Base, meterer.Nodes.Count(node => node.Parent is not null && node.Cpu is { Started: true, Reading: > 0 }));
}
