namespace Metering.Service.Reports;

/// <summary>What one unit cost on average.</summary>
/// <param name="Unit">Of the price, such as <c>Core-Hours</c>.</param>
/// <param name="Cost">In the row's currency, to 10 places.</param>
internal sealed record UnitCost(string Unit, decimal Cost);
