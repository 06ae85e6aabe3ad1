namespace Metering.Service.Focus;

/// <summary>The columns of the dataset of billing periods (1.4).</summary>
internal static class BillingPeriodColumns
{
    public static readonly IReadOnlyList<FocusColumn> All =
    [
        Of("BillingPeriodCreated", FocusType.Time),
        Of("BillingPeriodEnd", FocusType.Time),
        Of("BillingPeriodLastUpdated", FocusType.Time),
        Of("BillingPeriodStart", FocusType.Time),
        Of("BillingPeriodStatus", FocusType.Text, "Open", "Closed"),
        Of("InvoiceIssuerName", FocusType.Text),
    ];

    private static FocusColumn Of(string name, FocusType type, params string[] values) => new(name, type, '-', 'M', false, values);
}
