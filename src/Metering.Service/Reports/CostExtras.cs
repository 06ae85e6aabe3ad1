namespace Metering.Service.Reports;

/// <summary>What a cost report tells beside costs, by the names of the parameter <c>with</c>.</summary>
[Flags]
internal enum CostExtras
{
    None = 0,
    Trend = 1,
    UnitCosts = 2,
    Idle = 4,
}
