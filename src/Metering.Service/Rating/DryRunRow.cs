namespace Metering.Service.Rating;

/// <summary>A tenant's period, by the prices that hold and by the draft, at list price. Null: no price.</summary>
internal sealed record DryRunRow(string Tenant, string Period, string Currency, Amount? Current, Amount? Draft, Amount Difference);
