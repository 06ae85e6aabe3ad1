using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>
/// One row of Cost and Usage before it is written. One object is filled again for each row. Texts are the bytes of a CSV field, quoted where needed; empty is null.
/// </summary>
internal sealed class FocusRow
{
    public byte[] AccountId = [], AccountName = [], Currency = [], InvoiceId = [], InvoiceDetailId = [], Issuer = [], ServiceProvider = [], HostProvider = [];
    public byte[] Category = [], Class = [], Description = [], Frequency = [], Kind = [];
    public byte[] CommitmentId = [], CommitmentName = [], CommitmentStatus = [], CommitmentUnit = [];
    public byte[] ConsumedUnit = [], PricingUnit = [], PricingCategory = [], PricingCurrency = [];
    public byte[] RegionId = [], ResourceId = [], ResourceName = [], ResourceType = [], ServiceCategory = [], ServiceName = [], ServiceSubcategory = [];
    public byte[] SkuId = [], SkuMeter = [], SkuPriceDetails = [], SkuPriceId = [], ProjectId = [], ProjectName = [], Tags = [], ChargeId = [], Basis = [], Book = [], Method = [], AllocatedId = [], AllocatedName = [], AllocatedTags = [];

    /// <summary>Unix seconds.</summary>
    public long PeriodStart, PeriodEnd, Start, End;

    public Amount Billed, Contracted, Effective, List, CommitmentQuantity;

    /// <summary>In 10⁻⁹ of the pricing unit.</summary>
    public Int128 Pricing;

    /// <summary>In 10⁻¹⁰ of the currency.</summary>
    public Int128 ListPrice, ContractedPrice;

    /// <summary>In 10 to the power of −<see cref="ConsumedScale"/> of the consumed unit.</summary>
    public Int128 Consumed, Used, Reserved;

    public int ConsumedScale, Version;

    public bool HasPricing, HasConsumed, HasUsed, HasReserved, HasCommitment, IsResidue;
}
