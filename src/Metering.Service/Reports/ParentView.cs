namespace Metering.Service.Reports;

/// <summary>The newest sandwich of a cgroup with children: before − held ≤ own + below ≤ after, in µs since metering began.</summary>
internal sealed record ParentView(ulong Before, ulong After, ulong Own, ulong Below, ulong Held, DateTimeOffset WindowEnd)
{
    /// <summary>The sandwich holds.</summary>
    public bool Holds => (UInt128)Own + Below + Held >= Before && (UInt128)Own + Below <= After;
}
