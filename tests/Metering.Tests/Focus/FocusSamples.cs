using Metering.Service.Focus;

namespace Metering.Tests.Focus;

/// <summary>A small export that holds every kind of row and breaks no rule.</summary>
internal static class FocusSamples
{
    public const int Usage = 0, Used = 1, Unused = 2, Purchase = 3, Tax = 4, Credit = 5, Residue = 6, Correction = 7, Allocated = 8, Later = 9;

    private const string Base = """
        BilledCost=6
        BillingAccountId=urn:account:acme
        BillingAccountName=Acme, Inc
        BillingCurrency=EUR
        BillingPeriodStart=2026-10-01T00:00:00Z
        BillingPeriodEnd=2026-11-01T00:00:00Z
        ChargeCategory=Usage
        ChargeDescription=CPU "time"
        ChargeFrequency=Usage-Based
        ChargePeriodStart=2026-10-05T10:00:00Z
        ChargePeriodEnd=2026-10-05T11:00:00Z
        ConsumedQuantity=7200.5
        ConsumedUnit=Core-Seconds
        ContractedCost=6
        ContractedUnitPrice=3
        EffectiveCost=6
        HostProviderName=Metering
        InvoiceDetailId=1-001
        InvoiceId=000001
        InvoiceIssuerName=Metering
        ListCost=8
        ListUnitPrice=4
        PricingCategory=Standard
        PricingQuantity=2
        PricingUnit=Core-Hours
        ProviderName=Metering
        PublisherName=Metering
        RegionId=eu
        RegionName=eu
        ResourceId=urn:host:h:docker:a
        ResourceName=web
        ResourceType=Container
        ServiceCategory=Compute
        ServiceName=Metered Compute
        ServiceProviderName=Metering
        ServiceSubcategory=Other (Compute)
        SkuId=cpu
        SkuMeter=CPU Time
        SkuPriceDetails={"OperatingSystem":"Linux","x_Tier":1}
        SkuPriceId=b/1#cpu#t1
        SubAccountId=urn:project:shop
        SubAccountName=shop
        Tags={"env":"prod"}
        x_ChargeKind=usage
        """;

    // What is no price: null where a price has something.
    private const string Plain = """
        ConsumedQuantity=
        ConsumedUnit=
        ContractedUnitPrice=
        ListUnitPrice=
        PricingCategory=
        PricingQuantity=
        PricingUnit=
        RegionId=
        RegionName=
        ResourceId=
        ResourceName=
        ResourceType=
        ServiceCategory=Other
        ServiceName=Contract
        ServiceSubcategory=Other (Other)
        SkuId=
        SkuMeter=
        SkuPriceDetails=
        SkuPriceId=
        SubAccountId=
        SubAccountName=
        Tags=
        ChargeFrequency=One-Time
        ChargePeriodStart=2026-10-01T00:00:00Z
        ChargePeriodEnd=2026-11-01T00:00:00Z

        """;

    private const string Commitment = """
        CommitmentDiscountCategory=Spend
        CommitmentDiscountId=c1
        CommitmentDiscountName=Commitment
        CommitmentDiscountType=Committed spend
        CommitmentDiscountUnit=EUR

        """;

    public static FocusTable CostAndUsage(FocusProfile profile) => new FocusTable(FocusDataset.CostAndUsage, profile).Add(Base)
        .Like(Usage, Commitment + "BilledCost=0\nCommitmentDiscountQuantity=5\nCommitmentDiscountStatus=Used\nEffectiveCost=5\nPricingCategory=Committed\nContractedCost=6\nChargePeriodStart=2026-10-05T11:00:00Z\nChargePeriodEnd=2026-10-05T12:00:00Z")
        .Like(Usage, Plain + Commitment + """
            BilledCost=0
            CommitmentDiscountQuantity=3
            CommitmentDiscountStatus=Unused
            ContractedCost=0
            ContractedUnitPrice=0
            ListCost=0
            ListUnitPrice=0
            EffectiveCost=3
            PricingCategory=Committed
            PricingQuantity=0
            PricingUnit=Units
            ChargeFrequency=Usage-Based
            InvoiceDetailId=1-002
            """)
        .Like(Usage, Plain + Commitment + """
            ChargeCategory=Purchase
            ChargeFrequency=Recurring
            BilledCost=8
            CommitmentDiscountQuantity=8
            ContractedCost=8
            ContractedUnitPrice=8
            ListCost=8
            ListUnitPrice=8
            EffectiveCost=0
            PricingCategory=Standard
            PricingQuantity=1
            PricingUnit=Units
            InvoiceDetailId=1-003
            """)
        .Like(Usage, Plain + "ChargeCategory=Tax\nBilledCost=1.9\nContractedCost=1.9\nListCost=1.9\nEffectiveCost=1.9\nInvoiceDetailId=1-004")
        .Like(Usage, Plain + "ChargeCategory=Credit\nBilledCost=-5\nContractedCost=-5\nListCost=-5\nEffectiveCost=-5\nInvoiceDetailId=1-005")
        .Like(Usage, Plain + "ChargeCategory=Adjustment\nBilledCost=-0.001\nContractedCost=-0.001\nListCost=-0.001\nEffectiveCost=-0.001\nx_RoundingResidue=true")
        .Like(Usage, "ChargeClass=Correction\nInvoiceId=000002\nInvoiceDetailId=2-001\nChargePeriodStart=2026-09-05T10:00:00Z\nChargePeriodEnd=2026-09-05T11:00:00Z")
        .Like(Usage, """
            AllocatedMethodId=idle
            AllocatedResourceId=urn:host:h:docker:b
            AllocatedResourceName=db
            AllocatedTags={"env":"prod"}
            ResourceId=urn:host:h:docker:b
            ResourceName=db
            SkuId=idle
            SkuMeter=idle
            SkuPriceId=a/1#idle#t1
            """)
        .Like(Usage, "BilledCost=6.001\nPricingQuantity=2\nContractedUnitPrice=3.0005\nContractedCost=6.001\nEffectiveCost=6.001\nChargePeriodStart=2026-10-05T12:00:00Z\nChargePeriodEnd=2026-10-05T13:00:00Z\nTags={}")
        .Like(Usage, "InvoiceId=\nInvoiceDetailId=\nResourceId=urn:host:h:docker:c\nResourceName=c2");

    public static FocusTable Periods() => new FocusTable(FocusDataset.BillingPeriods, FocusProfile.V14).Add("""
        BillingPeriodCreated=2026-10-01T00:00:00Z
        BillingPeriodEnd=2026-11-01T00:00:00Z
        BillingPeriodLastUpdated=2026-11-02T10:00:00Z
        BillingPeriodStart=2026-10-01T00:00:00Z
        BillingPeriodStatus=Closed
        InvoiceIssuerName=Metering
        """);

    public static FocusTable Details() => new FocusTable(FocusDataset.InvoiceDetails, FocusProfile.V14).Add("""
        BilledCost=18
        BillingAccountId=urn:account:acme
        BillingCurrency=EUR
        BillingPeriodEnd=2026-11-01T00:00:00Z
        BillingPeriodStart=2026-10-01T00:00:00Z
        ChargeCategory=Usage
        InvoiceDetailCreated=2026-11-02T10:00:00Z
        InvoiceDetailDescription=CPU
        InvoiceDetailId=1-001
        InvoiceDetailLastUpdated=2026-11-02T10:00:00Z
        InvoiceId=000001
        InvoiceIssueDate=2026-11-01T00:00:00Z
        InvoiceIssueStatus=Issued
        InvoiceIssuerName=Metering
        PaymentCurrency=EUR
        PaymentDueDate=2026-11-30T00:00:00Z
        PaymentTerms=30 days
        ReferenceInvoiceId=000001
        """).Like(0, "BilledCost=8\nInvoiceDetailId=1-003\nChargeCategory=Purchase").Like(0, "BilledCost=1.9\nInvoiceDetailId=1-004\nChargeCategory=Tax").Like(0, "BilledCost=-5\nInvoiceDetailId=1-005\nChargeCategory=Credit")
        .Like(0, "BilledCost=6\nInvoiceDetailId=2-001\nInvoiceId=000002\nReferenceInvoiceId=000001");
}
