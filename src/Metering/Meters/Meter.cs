namespace Metering.Meters;

/// <summary>One thing that is counted. Quantities are integers in the base unit (microseconds, bytes, byte-seconds, operations) until a report scales them.</summary>
/// <param name="Index">Position in <see cref="MeterCatalogue.All"/>; stable within a process, never stored.</param>
/// <param name="Wire">Name in a <c>MeterReading</c>.</param>
/// <param name="Name">Name in the API, in prices and in quotas.</param>
/// <param name="Column">Column of table <c>usage</c>.</param>
/// <param name="Scale">Base units per API unit: 1,000,000 where the API shows seconds, else 1.</param>
/// <param name="Unit">The API unit in words.</param>
/// <param name="Source">The kernel file that it is read from.</param>
public sealed record Meter(
    int Index, string Wire, string Name, string Column, long Scale, string Unit, MeterKind Kind, MeterFamily Family, string Source)
{
    /// <summary>The figure shown for a quantity in base units; exact, since scales are powers of ten.</summary>
    public decimal Show(decimal baseUnits) => Scale == 1 ? baseUnits : baseUnits / Scale;
}
