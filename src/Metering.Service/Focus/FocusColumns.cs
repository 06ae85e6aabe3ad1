namespace Metering.Service.Focus;

/// <summary>
/// The columns of Cost and Usage that we export, in the specification's order, ours (<c>x_</c>) last. Left out because they do not apply: those of virtual currencies, capacity reservations, several types of
/// account, availability zones, and <c>ContractApplied</c>, which refers to a dataset of contracts. <c>AllocatedMethodDetails</c>, which is recommended, is left out as well: it gives each row's part of one
/// origin charge, and a row of ours is a day of many of them.
/// </summary>
internal static class FocusColumns
{
    private static readonly string[] Any = [];

    public static readonly IReadOnlyList<FocusColumn> All =
    [
        Text("AllocatedMethodId", '-', 'C', true, (csv, row) => csv.Text(row.Method)),
        Text("AllocatedResourceId", '-', 'C', true, (csv, row) => csv.Text(row.AllocatedId)),
        Text("AllocatedResourceName", '-', 'C', true, (csv, row) => csv.Text(row.AllocatedName)),
        Json("AllocatedTags", '-', (csv, row) => csv.Text(row.AllocatedTags)),
        Decimal("BilledCost", 'M', 'M', false, (csv, row) => csv.Amount(row.Billed)),
        Text("BillingAccountId", 'M', 'M', false, (csv, row) => csv.Text(row.AccountId)),
        Text("BillingAccountName", 'M', 'M', true, (csv, row) => csv.Text(row.AccountName)),
        Text("BillingCurrency", 'M', 'M', false, (csv, row) => csv.Text(row.Currency)),
        Time("BillingPeriodEnd", 'M', 'M', (csv, row) => csv.Time(row.PeriodEnd)),
        Time("BillingPeriodStart", 'M', 'M', (csv, row) => csv.Time(row.PeriodStart)),
        Text("ChargeCategory", 'M', 'M', false, (csv, row) => csv.Text(row.Category), "Usage", "Purchase", "Tax", "Credit", "Adjustment"),
        Text("ChargeClass", 'M', 'M', true, (csv, row) => csv.Text(row.Class), "Correction"),
        Text("ChargeDescription", 'M', 'M', true, (csv, row) => csv.Text(row.Description)),
        Text("ChargeFrequency", 'R', 'R', false, (csv, row) => csv.Text(row.Frequency), "One-Time", "Recurring", "Usage-Based"),
        Time("ChargePeriodEnd", 'M', 'M', (csv, row) => csv.Time(row.End)),
        Time("ChargePeriodStart", 'M', 'M', (csv, row) => csv.Time(row.Start)),
        Text("CommitmentDiscountCategory", 'C', 'C', true, (csv, row) => csv.Text(row.CommitmentId.Length == 0 ? [] : FocusTexts.Spend), "Spend", "Usage"),
        Text("CommitmentDiscountId", 'C', 'C', true, (csv, row) => csv.Text(row.CommitmentId)),
        Text("CommitmentDiscountName", 'C', 'C', true, (csv, row) => csv.Text(row.CommitmentName)),
        Decimal("CommitmentDiscountQuantity", 'C', 'C', true, (csv, row) => csv.Number(row.CommitmentQuantity.Units, Rating.Amount.Places, row.HasCommitment)),
        Text("CommitmentDiscountStatus", 'C', 'C', true, (csv, row) => csv.Text(row.CommitmentStatus), "Used", "Unused"),
        Text("CommitmentDiscountType", 'C', 'C', true, (csv, row) => csv.Text(row.CommitmentId.Length == 0 ? [] : FocusTexts.CommittedSpend)),
        Text("CommitmentDiscountUnit", 'C', 'C', true, (csv, row) => csv.Text(row.HasCommitment ? row.CommitmentUnit : [])),
        Decimal("ConsumedQuantity", 'C', 'C', true, (csv, row) => csv.Number(row.Consumed, row.ConsumedScale, row.HasConsumed)),
        Text("ConsumedUnit", 'C', 'C', true, (csv, row) => csv.Text(row.HasConsumed ? row.ConsumedUnit : [])),
        Decimal("ContractedCost", 'M', 'M', false, (csv, row) => csv.Amount(row.Contracted)),
        Decimal("ContractedUnitPrice", 'C', 'C', true, (csv, row) => csv.Number(row.ContractedPrice, 10, row.HasPricing)),
        Decimal("EffectiveCost", 'M', 'M', false, (csv, row) => csv.Amount(row.Effective)),
        Text("HostProviderName", '-', 'M', false, (csv, row) => csv.Text(row.HostProvider)),
        Text("InvoiceDetailId", '-', 'C', true, (csv, row) => csv.Text(row.InvoiceDetailId)),
        Text("InvoiceId", 'R', 'C', true, (csv, row) => csv.Text(row.InvoiceId)),
        Text("InvoiceIssuerName", 'M', 'M', false, (csv, row) => csv.Text(row.Issuer)),
        Decimal("ListCost", 'M', 'M', false, (csv, row) => csv.Amount(row.List)),
        Decimal("ListUnitPrice", 'C', 'C', true, (csv, row) => csv.Number(row.ListPrice, 10, row.HasPricing)),
        Text("PricingCategory", 'C', 'C', true, (csv, row) => csv.Text(row.PricingCategory), "Standard", "Dynamic", "Committed", "Other"),
        Decimal("PricingQuantity", 'M', 'M', true, (csv, row) => csv.Number(row.Pricing, 9, row.HasPricing)),
        Text("PricingUnit", 'M', 'M', true, (csv, row) => csv.Text(row.HasPricing ? row.PricingUnit : [])),
        Text("ProviderName", 'M', '-', false, (csv, row) => csv.Text(row.ServiceProvider)),
        Text("PublisherName", 'M', '-', false, (csv, row) => csv.Text(row.ServiceProvider)),
        Text("RegionId", 'C', 'C', true, (csv, row) => csv.Text(row.RegionId)),
        Text("RegionName", 'C', 'C', true, (csv, row) => csv.Text(row.RegionId)),
        Text("ResourceId", 'C', 'C', true, (csv, row) => csv.Text(row.ResourceId)),
        Text("ResourceName", 'C', 'C', true, (csv, row) => csv.Text(row.ResourceName)),
        Text("ResourceType", 'C', 'C', true, (csv, row) => csv.Text(row.ResourceType)),
        Text("ServiceCategory", 'M', 'M', false, (csv, row) => csv.Text(row.ServiceCategory), FocusTexts.ServiceCategories),
        Text("ServiceName", 'M', 'M', false, (csv, row) => csv.Text(row.ServiceName)),
        Text("ServiceProviderName", '-', 'M', false, (csv, row) => csv.Text(row.ServiceProvider)),
        Text("ServiceSubcategory", 'R', 'R', false, (csv, row) => csv.Text(row.ServiceSubcategory)),
        Text("SkuId", 'C', 'C', true, (csv, row) => csv.Text(row.SkuId)),
        Text("SkuMeter", 'C', 'C', true, (csv, row) => csv.Text(row.SkuMeter)),
        Json("SkuPriceDetails", 'C', (csv, row) => csv.Text(row.SkuPriceDetails)),
        Text("SkuPriceId", 'C', 'C', true, (csv, row) => csv.Text(row.SkuPriceId)),
        Text("SubAccountId", 'C', 'C', true, (csv, row) => csv.Text(row.ProjectId)),
        Text("SubAccountName", 'C', 'C', true, (csv, row) => csv.Text(row.ProjectName)),
        Json("Tags", 'C', (csv, row) => csv.Text(row.Tags)),
        Text("x_ChargeId", 'X', 'X', true, (csv, row) => csv.Text(row.ChargeId)),
        Text("x_ChargeKind", 'X', 'X', false, (csv, row) => csv.Text(row.Kind)),
        Text("x_RoundingResidue", 'X', 'X', true, (csv, row) => csv.Flag(row.IsResidue), "true"),
        Text("x_BillingBasis", 'X', 'X', true, (csv, row) => csv.Text(row.Basis)),
        Decimal("x_UsageQuantity", 'X', 'X', true, (csv, row) => csv.Number(row.Used, row.ConsumedScale, row.HasUsed)),
        Decimal("x_RequestQuantity", 'X', 'X', true, (csv, row) => csv.Number(row.Reserved, row.ConsumedScale, row.HasReserved)),
        Text("x_PriceBook", 'X', 'X', true, (csv, row) => csv.Text(row.Book)),
        Decimal("x_PriceBookVersion", 'X', 'X', true, (csv, row) => csv.Number(row.Version, 0, row.Version > 0)),
    ];

    private static FocusColumn Text(string name, char level12, char level14, bool isNullable, Action<FocusCsv, FocusRow> write, params string[] values) => new(name, FocusType.Text, level12, level14, isNullable, values, write);

    private static FocusColumn Decimal(string name, char level12, char level14, bool isNullable, Action<FocusCsv, FocusRow> write) => new(name, FocusType.Decimal, level12, level14, isNullable, Any, write);

    private static FocusColumn Time(string name, char level12, char level14, Action<FocusCsv, FocusRow> write) => new(name, FocusType.Time, level12, level14, false, Any, write);

    private static FocusColumn Json(string name, char level12, Action<FocusCsv, FocusRow> write) => new(name, FocusType.Json, level12, 'C', true, Any, write);
}
