namespace Metering.Service.Focus;

/// <summary>All rules. Those that follow from the tables of columns come first (there, null, format, values); then what ties columns, rows and datasets together.</summary>
internal static class FocusRules
{
    private static readonly string[] Both = ["1.2", "1.4"];
    private static readonly string[] Only12 = ["1.2"];
    private static readonly string[] Only14 = ["1.4"];

    // Column, test, arguments, conditions.
    private static readonly (string Column, FocusTest Test, string[] Arguments, string[] When, string[] Versions)[] Cost =
    [
        ("AllocatedResourceId", FocusTest.Null, [], ["AllocatedMethodId="], Only14),
        ("AllocatedResourceName", FocusTest.Null, [], ["AllocatedResourceId="], Only14),
        ("AllocatedTags", FocusTest.Null, [], ["AllocatedMethodId="], Only14),
        ("AllocatedTags", FocusTest.Flat, [], [], Only14),
        ("BilledCost", FocusTest.In, ["0"], ["CommitmentDiscountStatus=Used|Unused"], Both),
        ("BillingCurrency", FocusTest.Currency, [], [], Both),
        ("BillingPeriodEnd", FocusTest.After, ["BillingPeriodStart"], [], Both),
        ("ChargeClass", FocusTest.OneFor, ["InvoiceId"], ["InvoiceId!="], Both),
        ("ChargeFrequency", FocusTest.NotIn, ["Usage-Based"], ["ChargeCategory=Purchase"], Both),
        ("ChargePeriodEnd", FocusTest.After, ["ChargePeriodStart"], [], Both),
        ("ChargePeriodEnd", FocusTest.NotAfter, ["BillingPeriodEnd"], ["ChargeClass="], Both),
        ("ChargePeriodEnd", FocusTest.NotAfter, ["BillingPeriodStart"], ["ChargeClass=Correction"], Both),
        ("ChargePeriodStart", FocusTest.NotBefore, ["BillingPeriodStart"], ["ChargeClass="], Both),
        ("CommitmentDiscountCategory", FocusTest.NullWith, ["CommitmentDiscountId"], [], Both),
        ("CommitmentDiscountName", FocusTest.NullWith, ["CommitmentDiscountId"], [], Both),
        ("CommitmentDiscountType", FocusTest.NullWith, ["CommitmentDiscountId"], [], Both),
        ("CommitmentDiscountQuantity", FocusTest.Null, [], ["CommitmentDiscountId="], Both),
        ("CommitmentDiscountQuantity", FocusTest.NotNull, [], ["CommitmentDiscountId!=", "ChargeCategory=Usage|Purchase", "ChargeClass="], Both),
        ("CommitmentDiscountUnit", FocusTest.NullWith, ["CommitmentDiscountQuantity"], [], Both),
        ("CommitmentDiscountUnit", FocusTest.OneFor, ["CommitmentDiscountId"], ["CommitmentDiscountId!=", "CommitmentDiscountQuantity!="], Both),
        ("CommitmentDiscountStatus", FocusTest.Null, [], ["CommitmentDiscountId="], Both),
        ("CommitmentDiscountStatus", FocusTest.NotNull, [], ["CommitmentDiscountId!=", "ChargeCategory=Usage"], Both),
        ("CommitmentDiscountStatus", FocusTest.Null, [], ["CommitmentDiscountId!=", "ChargeCategory=Purchase"], Both),
        ("ConsumedQuantity", FocusTest.Null, [], ["ChargeCategory!=Usage"], Both),
        ("ConsumedQuantity", FocusTest.Null, [], ["ChargeCategory=Usage", "CommitmentDiscountStatus=Unused"], Both),
        ("ConsumedQuantity", FocusTest.NotNull, [], ["ChargeCategory=Usage", "ChargeClass=", "CommitmentDiscountStatus=|Used"], Both),
        ("ConsumedUnit", FocusTest.NullWith, ["ConsumedQuantity"], [], Both),
        ("ConsumedUnit", FocusTest.Unit, [], [], Both),
        ("ContractedCost", FocusTest.Product, ["ContractedUnitPrice", "PricingQuantity"], ["ContractedUnitPrice!=", "PricingQuantity!=", "ChargeClass="], Both),
        ("ContractedCost", FocusTest.Same, ["BilledCost"], ["ChargeCategory=Credit"], Both),
        ("ContractedUnitPrice", FocusTest.NotNegative, [], ["ContractedUnitPrice!="], Both),
        ("ContractedUnitPrice", FocusTest.NotNull, [], ["ChargeCategory=Usage|Purchase", "ChargeClass="], Both),
        ("ContractedUnitPrice", FocusTest.Null, [], ["ChargeCategory=Tax"], Both),
        ("EffectiveCost", FocusTest.Same, ["BilledCost"], ["CommitmentDiscountId=", "ChargeCategory=Usage|Purchase|Tax|Credit"], Both),
        ("EffectiveCost", FocusTest.In, ["0"], ["CommitmentDiscountId!=", "ChargeCategory=Purchase"], Both),
        ("EffectiveCost", FocusTest.CommitmentUsedUp, ["BilledCost", "CommitmentDiscountId", "ChargeCategory"], ["CommitmentDiscountId!="], Both),
        ("InvoiceDetailId", FocusTest.Null, [], ["InvoiceId="], Only14),
        ("BillingCurrency", FocusTest.OneFor, ["InvoiceId"], ["InvoiceId!="], Both),
        ("BillingAccountId", FocusTest.OneFor, ["InvoiceId"], ["InvoiceId!="], Both),
        ("ListCost", FocusTest.Product, ["ListUnitPrice", "PricingQuantity"], ["ListUnitPrice!=", "PricingQuantity!=", "ChargeClass="], Both),
        ("ListUnitPrice", FocusTest.NotNegative, [], ["ListUnitPrice!="], Both),
        ("ListUnitPrice", FocusTest.NotNull, [], ["ChargeCategory=Usage|Purchase", "ChargeClass="], Both),
        ("ListUnitPrice", FocusTest.Null, [], ["ChargeCategory=Tax"], Both),
        ("PricingCategory", FocusTest.NotNull, [], ["ChargeCategory=Usage|Purchase", "ChargeClass="], Both),
        ("PricingCategory", FocusTest.Null, [], ["ChargeCategory=Tax"], Both),
        ("PricingCategory", FocusTest.In, ["Committed"], ["CommitmentDiscountStatus=Used|Unused"], Both),
        ("PricingQuantity", FocusTest.NotNull, [], ["ChargeCategory=Usage|Purchase", "ChargeClass="], Both),
        ("PricingQuantity", FocusTest.Null, [], ["ChargeCategory=Tax"], Both),
        ("PricingUnit", FocusTest.NullWith, ["PricingQuantity"], [], Both),
        ("PricingUnit", FocusTest.Unit, [], [], Both),
        ("RegionName", FocusTest.NullWith, ["RegionId"], [], Both),
        ("ResourceName", FocusTest.Null, [], ["ResourceId="], Both),
        ("ResourceName", FocusTest.Different, ["ResourceId"], ["ResourceId!=", "ResourceName!="], Both),
        ("ResourceType", FocusTest.NullWith, ["ResourceId"], [], Both),
        ("ServiceCategory", FocusTest.OneFor, ["ServiceName"], [], Both),
        ("ServiceSubcategory", FocusTest.OneFor, ["ServiceName"], [], Both),
        ("SkuId", FocusTest.Null, [], ["ChargeCategory=Tax"], Both),
        ("SkuId", FocusTest.OneFor, ["SkuPriceId"], ["SkuPriceId!="], Both),
        ("SkuMeter", FocusTest.NullWith, ["SkuId"], [], Both),
        ("SkuMeter", FocusTest.OneFor, ["SkuId"], ["SkuId!="], Both),
        ("SkuPriceDetails", FocusTest.Null, [], ["SkuPriceId="], Both),
        ("SkuPriceDetails", FocusTest.Flat, [], [], Both),
        ("SkuPriceDetails", FocusTest.Keys, [], ["SkuPriceDetails!="], Both),
        ("SkuPriceId", FocusTest.NullWith, ["SkuId"], [], Both),
        ("SubAccountName", FocusTest.NullWith, ["SubAccountId"], [], Both),
        ("Tags", FocusTest.Flat, [], [], Both),
        ("x_RoundingResidue", FocusTest.Null, [], ["ChargeCategory!=Adjustment"], Both),
        ("ChargePeriodStart", FocusTest.NoOverlap, ["ChargePeriodStart", "ChargePeriodEnd", "ResourceId", "SkuPriceId", "CommitmentDiscountStatus", "BillingCurrency", "BillingAccountId"], ["ResourceId!=", "SkuPriceId!=", "ChargeClass="], Only12),
        ("ChargePeriodStart", FocusTest.NoOverlap, ["ChargePeriodStart", "ChargePeriodEnd", "ResourceId", "AllocatedResourceId", "SkuPriceId", "CommitmentDiscountStatus", "BillingCurrency", "BillingAccountId"],
            ["ResourceId!=", "SkuPriceId!=", "ChargeClass="], Only14),
        ("BilledCost", FocusTest.SumInMinorUnits, ["InvoiceId", "BillingCurrency"], ["InvoiceId!="], Only12),
        ("BilledCost", FocusTest.SumOfDetails, ["InvoiceId", "InvoiceDetailId"], ["InvoiceId!="], Only14),
        ("BillingPeriodStart", FocusTest.PeriodListed, ["BillingPeriodStart", "InvoiceIssuerName"], [], Only14),
    ];

    private static readonly (string Column, FocusTest Test, string[] Arguments, string[] When, string[] Versions)[] Periods =
    [
        ("BillingPeriodEnd", FocusTest.After, ["BillingPeriodStart"], [], Only14),
        ("BillingPeriodLastUpdated", FocusTest.NotBefore, ["BillingPeriodCreated"], [], Only14),
        ("BillingPeriodStart", FocusTest.Unique, ["BillingPeriodStart", "InvoiceIssuerName"], [], Only14),
    ];

    private static readonly (string Column, FocusTest Test, string[] Arguments, string[] When, string[] Versions)[] Details =
    [
        ("BillingCurrency", FocusTest.Currency, [], [], Only14),
        ("PaymentCurrency", FocusTest.Currency, [], [], Only14),
        ("BilledCost", FocusTest.SumInMinorUnits, ["InvoiceId", "BillingCurrency", "InvoiceDetailId"], [], Only14),
        ("BillingPeriodEnd", FocusTest.After, ["BillingPeriodStart"], [], Only14),
        ("InvoiceDetailId", FocusTest.Unique, ["InvoiceId", "InvoiceDetailId"], [], Only14),
        ("InvoiceDetailLastUpdated", FocusTest.NotBefore, ["InvoiceDetailCreated"], [], Only14),
        ("PaymentDueDate", FocusTest.NotBefore, ["InvoiceIssueDate"], ["PaymentDueDate!=", "InvoiceIssueDate!="], Only14),
    ];

    public static readonly IReadOnlyList<FocusRule> All = [.. FocusDataset.All.SelectMany(Build)];

    public static IEnumerable<FocusRule> Of(FocusDataset dataset, FocusProfile profile) => All.Where(rule => rule.Dataset == dataset && rule.Versions.Contains(profile.Version));

    private static IEnumerable<FocusRule> Build(FocusDataset dataset)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        yield return new FocusRule($"{dataset.Id}-Header-1", dataset, "The file", FocusTest.Names, [], [], dataset == FocusDataset.CostAndUsage ? Both : Only14);
        foreach (var column in dataset.Columns)
        {
            var versions = column.Level12 == '-' ? Only14 : column.Level14 == '-' ? Only12 : Both;
            if (column.Level12 == 'M' || column.Level14 == 'M') yield return Of(column.Name, FocusTest.Present, [], [], versions);
            if (!column.IsNullable) yield return Of(column.Name, FocusTest.NotNull, [], [], versions);
            yield return Of(column.Name, FocusTest.Format, [], [], versions);
            if (column.Values.Length > 0) yield return Of(column.Name, FocusTest.In, column.Values, [], versions);
        }

        foreach (var (column, test, arguments, when, versions) in dataset == FocusDataset.CostAndUsage ? Cost : dataset == FocusDataset.BillingPeriods ? Periods : Details)
            yield return Of(column, test, arguments, [.. when.Select(FocusCondition.Parse)], versions);

        FocusRule Of(string column, FocusTest test, string[] arguments, FocusCondition[] when, string[] versions) =>
            new($"{dataset.Id}-{column}-{numbers[column] = numbers.GetValueOrDefault(column) + 1}", dataset, column, test, arguments, when, versions);
    }
}
