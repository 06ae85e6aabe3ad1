namespace Metering.Service.Rating;

/// <summary>
/// A tenant's period in one currency: lines, and what is to pay. <see cref="Exact"/> is the sum of the exact costs of all lines but those of kind Adjustment, the tax and the draws;
/// Σ rounded lines = <see cref="Total"/>; Σ exact costs of all lines = <see cref="Total"/> as well, since the Adjustment line's cost is the residue of the others.
/// </summary>
/// <param name="Drawn">By the id of the balance.</param>
internal sealed record Statement(string Tenant, Tenants.BillingPeriod Period, string Currency, IReadOnlyList<StatementLine> Lines, Amount Exact, Amount Total, IReadOnlyDictionary<string, Amount> Drawn)
{
    /// <summary>Sum of the rounded lines before tax.</summary>
    public Amount Net { get; init; }

    public Amount Tax { get; init; }
}
