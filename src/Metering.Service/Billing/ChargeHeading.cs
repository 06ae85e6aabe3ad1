namespace Metering.Service.Billing;

/// <summary>What the charges of one price, tier and tenant in a period have in common; see <see cref="ChargeEntry"/> for the meaning of each.</summary>
internal sealed record ChargeHeading(
    string Period, string Origin, string Tenant, string Sku, string Book, int Version, int Tier, long? TermsFrom, string Currency, string Unit, long Price, string Kind = "usage", string Cause = "");
