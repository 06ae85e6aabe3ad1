using Metering.Service.Focus;

namespace Metering.Tests.Focus;

/// <summary>For each rule that ties columns or rows together, a change of the samples that breaks it and nothing else: rows and what is set there, as text.</summary>
internal static class FocusSeeds
{
    private const int Usage = FocusSamples.Usage, Used = FocusSamples.Used, Unused = FocusSamples.Unused, Purchase = FocusSamples.Purchase, Tax = FocusSamples.Tax, Credit = FocusSamples.Credit, Residue = FocusSamples.Residue,
        Correction = FocusSamples.Correction, Allocated = FocusSamples.Allocated, Later = FocusSamples.Later;

    /// <summary>By dataset and statement, as far as it tells the rule apart.</summary>
    public static readonly IReadOnlyList<(string Dataset, string Statement, (int Row, string Set)[] Changes)> All =
    [
        ("CostAndUsage", "AllocatedResourceId is null when", [(Usage, "AllocatedResourceId=x")]),
        ("CostAndUsage", "AllocatedResourceName is null when", [(Usage, "AllocatedResourceName=x")]),
        ("CostAndUsage", "AllocatedTags is null when", [(Usage, "AllocatedTags={}")]),
        ("CostAndUsage", "AllocatedTags is an object", [(Allocated, "AllocatedTags={\"env\":[\"prod\"]}")]),
        ("CostAndUsage", "BilledCost is 0 when", [(Used, "BilledCost=1"), (Residue, "BilledCost=-1.001")]),
        ("CostAndUsage", "BilledCost adds up by invoice", [(Residue, "BilledCost=1")]),
        ("CostAndUsage", "BilledCost adds up by InvoiceId", [(Residue, "BilledCost=-0.0011")]),
        ("CostAndUsage", "BillingAccountId is one for each", [(Later, "BillingAccountId=urn:account:other")]),
        ("CostAndUsage", "BillingCurrency is a code", [(Usage, "BillingCurrency=EU1")]),
        ("CostAndUsage", "BillingCurrency is one for each", [(Later, "BillingCurrency=USD")]),
        ("CostAndUsage", "BillingPeriodEnd is later", [(Correction, "BillingPeriodEnd=2026-10-01T00:00:00Z")]),
        ("CostAndUsage", "BillingPeriodStart is, with", [(Correction, "BillingPeriodStart=2026-10-02T00:00:00Z")]),
        ("CostAndUsage", "ChargeClass is one for each", [(Later, "ChargeClass=Correction\nChargePeriodStart=2026-09-05T12:00:00Z\nChargePeriodEnd=2026-09-05T13:00:00Z")]),
        ("CostAndUsage", "ChargeFrequency is not", [(Purchase, "ChargeFrequency=Usage-Based")]),
        ("CostAndUsage", "ChargePeriodEnd is later", [(Correction, "ChargePeriodEnd=2026-09-05T10:00:00Z")]),
        ("CostAndUsage", "ChargePeriodEnd is not after BillingPeriodStart", [(Correction, "ChargePeriodEnd=2026-10-01T00:00:01Z")]),
        ("CostAndUsage", "ChargePeriodEnd is not after BillingPeriodEnd", [(Later, "ChargePeriodEnd=2026-11-01T01:00:00Z")]),
        ("CostAndUsage", "ChargePeriodStart is not before", [(Usage, "ChargePeriodStart=2026-09-30T23:00:00Z")]),
        ("CostAndUsage", "ChargePeriodStart does not overlap", [(Later, "ChargePeriodStart=2026-10-05T10:59:59Z")]),
        ("CostAndUsage", "CommitmentDiscountCategory is null where", [(Used, "CommitmentDiscountCategory=")]),
        ("CostAndUsage", "CommitmentDiscountName is null where", [(Used, "CommitmentDiscountName=")]),
        ("CostAndUsage", "CommitmentDiscountType is null where", [(Used, "CommitmentDiscountType=")]),
        ("CostAndUsage", "CommitmentDiscountQuantity is null when", [(Usage, "CommitmentDiscountQuantity=1\nCommitmentDiscountUnit=EUR")]),
        ("CostAndUsage", "CommitmentDiscountQuantity is not null when", [(Used, "CommitmentDiscountQuantity=\nCommitmentDiscountUnit="), (Unused, "CommitmentDiscountUnit=EUR")]),
        ("CostAndUsage", "CommitmentDiscountUnit is null where", [(Usage, "CommitmentDiscountUnit=EUR")]),
        ("CostAndUsage", "CommitmentDiscountUnit is one for each", [(Used, "CommitmentDiscountUnit=USD")]),
        ("CostAndUsage", "CommitmentDiscountStatus is null when CommitmentDiscountId is null", [(Later, "CommitmentDiscountStatus=Used\nBilledCost=0\nEffectiveCost=0\nPricingCategory=Committed"), (Residue, "BilledCost=6")]),
        ("CostAndUsage", "CommitmentDiscountStatus is not null when", [(Used, "CommitmentDiscountStatus=")]),
        ("CostAndUsage", "CommitmentDiscountStatus is null when CommitmentDiscountId is not null",
            [(-Purchase, "CommitmentDiscountId=c2\nCommitmentDiscountStatus=Used\nBilledCost=0\nCommitmentDiscountQuantity=0\nPricingCategory=Committed")]),
        ("CostAndUsage", "ConsumedQuantity is null when ChargeCategory is not", [(Credit, "ConsumedQuantity=1\nConsumedUnit=Units")]),
        ("CostAndUsage", "ConsumedQuantity is null when ChargeCategory is Usage", [(Unused, "ConsumedQuantity=1\nConsumedUnit=Units")]),
        ("CostAndUsage", "ConsumedQuantity is not null when", [(Usage, "ConsumedQuantity=\nConsumedUnit=")]),
        ("CostAndUsage", "ConsumedUnit is null where", [(Usage, "ConsumedUnit=")]),
        ("CostAndUsage", "ConsumedUnit is a unit", [(Usage, "ConsumedUnit=core seconds")]),
        ("CostAndUsage", "ContractedCost is ContractedUnitPrice", [(Usage, "ContractedCost=6.0000000000000000001")]),
        ("CostAndUsage", "ContractedCost is the same", [(Credit, "ContractedCost=-4")]),
        ("CostAndUsage", "ContractedUnitPrice is not negative", [(Usage, "ContractedUnitPrice=-3\nContractedCost=-6")]),
        ("CostAndUsage", "ContractedUnitPrice is not null", [(Usage, "ContractedUnitPrice=")]),
        ("CostAndUsage", "ContractedUnitPrice is null", [(Tax, "ContractedUnitPrice=1")]),
        ("CostAndUsage", "EffectiveCost is the same", [(Usage, "EffectiveCost=5")]),
        ("CostAndUsage", "EffectiveCost is 0", [(Purchase, "EffectiveCost=8")]),
        ("CostAndUsage", "EffectiveCost of usage", [(Unused, "EffectiveCost=2")]),
        ("CostAndUsage", "InvoiceDetailId is null when", [(Correction, "InvoiceId="), (-100, "")]),
        ("CostAndUsage", "ListCost is ListUnitPrice", [(Usage, "ListCost=8.1")]),
        ("CostAndUsage", "ListUnitPrice is not negative", [(Usage, "ListUnitPrice=-4\nListCost=-8")]),
        ("CostAndUsage", "ListUnitPrice is not null", [(Usage, "ListUnitPrice=")]),
        ("CostAndUsage", "ListUnitPrice is null", [(Tax, "ListUnitPrice=1")]),
        ("CostAndUsage", "PricingCategory is not null", [(Usage, "PricingCategory=")]),
        ("CostAndUsage", "PricingCategory is null", [(Tax, "PricingCategory=Standard")]),
        ("CostAndUsage", "PricingCategory is Committed", [(Used, "PricingCategory=Standard")]),
        ("CostAndUsage", "PricingQuantity is not null", [(Usage, "PricingQuantity=\nPricingUnit=")]),
        ("CostAndUsage", "PricingQuantity is null", [(Tax, "PricingQuantity=1\nPricingUnit=Units")]),
        ("CostAndUsage", "PricingUnit is null where", [(Usage, "PricingUnit=")]),
        ("CostAndUsage", "PricingUnit is a unit", [(Usage, "PricingUnit=1000 1000 Operations")]),
        ("CostAndUsage", "RegionName is null where", [(Usage, "RegionName=")]),
        ("CostAndUsage", "ResourceName is null when", [(Usage, "ResourceId=\nResourceType=")]),
        ("CostAndUsage", "ResourceName is not the same", [(Usage, "ResourceName=urn:host:h:docker:a")]),
        ("CostAndUsage", "ResourceType is null where", [(Usage, "ResourceType=")]),
        ("CostAndUsage", "ServiceCategory is one for each", [(Later, "ServiceCategory=Storage")]),
        ("CostAndUsage", "ServiceSubcategory is one for each", [(Later, "ServiceSubcategory=Containers")]),
        ("CostAndUsage", "SkuId is null when", [(Tax, "SkuId=tax\nSkuMeter=tax\nSkuPriceId=tax")]),
        ("CostAndUsage", "SkuId is one for each", [(Later, "SkuId=other\nSkuMeter=Other")]),
        ("CostAndUsage", "SkuMeter is null where", [(Allocated, "SkuMeter=")]),
        ("CostAndUsage", "SkuMeter is one for each", [(Later, "SkuMeter=Other")]),
        ("CostAndUsage", "SkuPriceDetails is null when", [(Credit, "SkuPriceDetails={}")]),
        ("CostAndUsage", "SkuPriceDetails is an object", [(Usage, "SkuPriceDetails={\"Tier\":{\"From\":1}}")]),
        ("CostAndUsage", "SkuPriceDetails has keys", [(Usage, "SkuPriceDetails={\"tier from\":1}")]),
        ("CostAndUsage", "SkuPriceId is null where", [(Allocated, "SkuPriceId=\nSkuPriceDetails=")]),
        ("CostAndUsage", "SubAccountName is null where", [(Usage, "SubAccountName=")]),
        ("CostAndUsage", "Tags is an object", [(Usage, "Tags={\"env\":[\"prod\"]}")]),
        ("CostAndUsage", "x_RoundingResidue is null", [(Usage, "x_RoundingResidue=true")]),
        ("BillingPeriod", "BillingPeriodEnd is later", [(0, "BillingPeriodEnd=2026-10-01T00:00:00Z")]),
        ("BillingPeriod", "BillingPeriodLastUpdated is not before", [(0, "BillingPeriodLastUpdated=2026-09-01T00:00:00Z")]),
        ("BillingPeriod", "BillingPeriodStart is told apart", [(-0, ""), (-1000, "")]),
        ("InvoiceDetail", "BilledCost adds up", [(0, "BilledCost=18.001")]),
        ("InvoiceDetail", "BillingCurrency is a code", [(0, "BillingCurrency=EURO")]),
        ("InvoiceDetail", "PaymentCurrency is a code", [(0, "PaymentCurrency=eur")]),
        ("InvoiceDetail", "BillingPeriodEnd is later", [(0, "BillingPeriodEnd=2026-10-01T00:00:00Z")]),
        ("InvoiceDetail", "InvoiceDetailId is told apart", [(1, "InvoiceDetailId=1-001")]),
        ("InvoiceDetail", "InvoiceDetailLastUpdated is not before", [(0, "InvoiceDetailLastUpdated=2026-11-02T09:00:00Z")]),
        ("InvoiceDetail", "PaymentDueDate is not before", [(0, "PaymentDueDate=2026-10-31T00:00:00Z")]),
    ];

    /// <summary>Applies a change. A row below 0 is a new one like its opposite; −1000 one like the first, −100 takes the entry of the second invoice out of the details.</summary>
    public static void Apply(FocusTable table, FocusTable? details, (int Row, string Set) change)
    {
        if (change.Row == -100) details!.Rows.RemoveAt(4);
        else if (change.Row == -1000) table.Like(0, "");
        else if (change.Row < 0) table.Like(-change.Row, change.Set);
        else foreach (var line in change.Set.Split('\n', StringSplitOptions.RemoveEmptyEntries)) FocusTable.Set(table.Rows[change.Row], line);
    }

    /// <summary>What breaks a rule that a column has by itself.</summary>
    public static bool TryBreak(FocusRule rule, FocusTable table)
    {
        switch (rule.Test)
        {
            case FocusTest.Names:
                table.Header.Add("Extra");
                return true;
            case FocusTest.Present:
                table.Header.Remove(rule.Column);
                return true;
            case FocusTest.NotNull when rule.When.Length == 0:
                table.Rows[0][rule.Column] = "";
                return true;
            case FocusTest.In when rule.When.Length == 0:
                table.Rows[0][rule.Column] = "Bogus";
                return true;
            case FocusTest.Format:
                var type = rule.Dataset.Columns.First(column => column.Name == rule.Column).Type;
                table.Rows[0][rule.Column] = type switch { FocusType.Decimal => "+1", FocusType.Time => "2026-10-01T00:00:00+00:00", FocusType.Json => "[1]", _ => "N/A" };
                return true;
            default:
                return false;
        }
    }
}
