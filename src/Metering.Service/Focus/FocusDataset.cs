namespace Metering.Service.Focus;

/// <summary>A table of the specification.</summary>
/// <param name="Name">In the API and in file names.</param>
/// <param name="Id">In the metadata.</param>
internal sealed record FocusDataset(string Name, string Id)
{
    public static readonly FocusDataset CostAndUsage = new("cost-and-usage", "CostAndUsage");

    public static readonly FocusDataset BillingPeriods = new("billing-period", "BillingPeriod");

    public static readonly FocusDataset InvoiceDetails = new("invoice-detail", "InvoiceDetail");

    public static readonly IReadOnlyList<FocusDataset> All = [CostAndUsage, BillingPeriods, InvoiceDetails];

    /// <summary>In the order in which they are written and checked: sums before what they are sums of.</summary>
    public static IReadOnlyList<FocusDataset> Of(FocusProfile profile) => profile.HasInvoices ? [BillingPeriods, InvoiceDetails, CostAndUsage] : [CostAndUsage];

    public IReadOnlyList<FocusColumn> Columns => this == CostAndUsage ? FocusColumns.All : this == BillingPeriods ? BillingPeriodColumns.All : InvoiceDetailColumns.All;
}
