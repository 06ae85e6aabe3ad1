using System.Globalization;
using Metering.Service.Rating;

namespace Metering.Service.Billing;

/// <summary>A charge as it is stored with a closed period: one per workload, meter, tier and day of the tenant. Cost = quantity × unit price, exactly.</summary>
/// <param name="N">Its number in the period, from 1.</param>
/// <param name="Origin">The period in which it was used; another than the period on corrections.</param>
/// <param name="Workload">The ledger's id; 0: the tenant itself.</param>
/// <param name="TermsFrom">Which terms of the contract it falls under, by their beginning (Unix seconds, 0: from the beginning of time); null: none.</param>
/// <param name="Price">In 10⁻¹⁰ of the currency.</param>
/// <param name="Nano">In 10⁻⁹ of the unit.</param>
/// <param name="Base">What was counted, in the meter's base units.</param>
/// <param name="From">First bucket, Unix seconds.</param>
/// <param name="To">End of the last bucket.</param>
/// <param name="Kind"><c>usage</c>, or <c>allocation</c>: a share of what hosts cost, in the currency at a price of 1.</param>
/// <param name="Cause">Empty: made by closing the period; <c>void 000017</c> or <c>reissue 000017</c>. With period, origin, tenant and currency it names the document.</param>
internal sealed record ChargeEntry(
    string Period, long N, string Origin, string Tenant, string Day, long Workload, string Sku, string Book, int Version, int Tier, long? TermsFrom, string Currency, string Unit, long Price,
    Int128 Nano, Int128 Base, Int128? Used, Int128? Reserved, long From, long To, string Kind = "usage", string Cause = "")
{
    /// <summary>What is charged once: a correction has the key of what it corrects.</summary>
    internal readonly record struct Identity(string Tenant, string Day, long Workload, string Sku, string Book, int Version, int Tier, long? TermsFrom, string Currency, long Price);

    public string Id => string.Create(CultureInfo.InvariantCulture, $"{Period}-{N}");

    public Identity Key => new(Tenant, Day, Workload, Sku, Book, Version, Tier, TermsFrom, Currency, Price);

    public decimal Quantity => ChargeRow.Exactly(Nano);

    public decimal UnitPrice => (decimal)Price / PriceLine.PriceScale;

    public Amount Cost => Amount.Of(Nano, Price);

    /// <summary>The line that the manifest's hash of all charges is over.</summary>
    public string Canonical => string.Create(CultureInfo.InvariantCulture,
        $"{N}\t{Origin}\t{Tenant}\t{Day}\t{Workload}\t{Sku}\t{Book}\t{Version}\t{Tier}\t{TermsFrom}\t{Currency}\t{Unit}\t{Price}\t{Nano}\t{Base}\t{Used}\t{Reserved}\t{From}\t{To}\t{Kind}\t{Cause}\n");

    public static ChargeEntry Of(ChargeRow row) => new(
        row.Period.ToString(), 0, row.Period.ToString(), row.Tenant, row.Day.ToString("uuuu-MM-dd", CultureInfo.InvariantCulture), row.Workload, row.Line.Sku, row.Line.Book, row.Line.Version, row.Tier,
        row.Terms?.FromSeconds, row.Line.Currency, row.Line.ChargeUnit, row.Line.Prices[row.Tier], row.Nano, row.Base, row.Used, row.Reserved, row.From, row.To, row.Line.Kind == ChargeKind.Allocation ? "allocation" : "usage");
}
