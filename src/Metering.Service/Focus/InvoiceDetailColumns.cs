namespace Metering.Service.Focus;

/// <summary>The columns of the dataset of invoice details (1.4).</summary>
internal static class InvoiceDetailColumns
{
    public static readonly IReadOnlyList<FocusColumn> All =
    [
        Of("BilledCost", FocusType.Decimal, false),
        Of("BillingAccountId", FocusType.Text, false),
        Of("BillingCurrency", FocusType.Text, false),
        Of("BillingPeriodEnd", FocusType.Time, false),
        Of("BillingPeriodStart", FocusType.Time, false),
        Of("ChargeCategory", FocusType.Text, false, "Usage", "Purchase", "Tax", "Credit", "Adjustment"),
        Of("InvoiceDetailCreated", FocusType.Time, false),
        Of("InvoiceDetailDescription", FocusType.Text, true),
        Of("InvoiceDetailGrain", FocusType.Json, true),
        Of("InvoiceDetailId", FocusType.Text, false),
        Of("InvoiceDetailLastUpdated", FocusType.Time, false),
        Of("InvoiceId", FocusType.Text, false),
        Of("InvoiceIssueDate", FocusType.Time, true),
        Of("InvoiceIssueStatus", FocusType.Text, false, "Issued", "Voided"),
        Of("InvoiceIssuerName", FocusType.Text, false),
        Of("PaymentCurrency", FocusType.Text, false),
        Of("PaymentDueDate", FocusType.Time, true),
        Of("PaymentTerms", FocusType.Text, false),
        Of("ReferenceInvoiceId", FocusType.Text, false),
    ];

    private static FocusColumn Of(string name, FocusType type, bool isNullable, params string[] values) => new(name, type, '-', 'M', isNullable, values);
}
