using System.Globalization;
using Metering.Service.Billing;
using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>The two small datasets of 1.4. An open period has no invoice details: nothing is issued yet.</summary>
internal static class FocusInvoices
{
    /// <summary>One row for each issuer and each pair of bounds: tenants in other zones have other months.</summary>
    public static void Periods(FocusPeriod period, FocusCsv csv, FocusOptions options)
    {
        var rows = period.Tenants.Select(tenant => (period.AccountOf(tenant).Start, period.AccountOf(tenant).End, Issuer: options.InvoiceIssuerName))
            .Concat(period.Bills.Select(bill => (bill.Account.Start, bill.Account.End, Issuer: bill.IssuerName(options)))).Distinct().OrderBy(row => row.Start).ThenBy(row => row.Issuer, StringComparer.Ordinal);
        Write(csv, period.Request.Columns, rows.Select(row => new Dictionary<string, Action<FocusCsv>>(StringComparer.Ordinal)
        {
            ["BillingPeriodCreated"] = to => to.Time(row.Start),
            ["BillingPeriodEnd"] = to => to.Time(row.End),
            ["BillingPeriodLastUpdated"] = to => to.Time(period.Updated.ToUnixTimeSeconds()),
            ["BillingPeriodStart"] = to => to.Time(row.Start),
            ["BillingPeriodStatus"] = to => to.Text(period.IsClosed ? "Closed" : "Open"),
            ["InvoiceIssuerName"] = to => to.Text(row.Issuer),
        }));
    }

    /// <summary>Every entry that is not 0; the period must have been planned.</summary>
    public static void Details(FocusPeriod period, FocusCsv csv, FocusOptions options) => Write(csv, period.Request.Columns, period.Bills.Where(bill => bill.Document is { Id.Length: > 0 }).SelectMany(bill => Entries(period, bill, options)));

    private static IEnumerable<Dictionary<string, Action<FocusCsv>>> Entries(FocusPeriod period, FocusBill bill, FocusOptions options)
    {
        var entries = bill.Groups.Select(group => (group, Lines: FocusLines.Of(ChargeKind.Usage), Amount: group.Target))
            .Concat(bill.Others().Select(other => (other.Group, Lines: FocusLines.Of(other.Line.Kind), Amount: other.Group.Target))).OrderBy(entry => entry.Item1.Number);
        foreach (var (group, lines, amount) in entries)
        {
            if (amount == Amount.Zero) continue;
            yield return new Dictionary<string, Action<FocusCsv>>(StringComparer.Ordinal)
            {
                ["BilledCost"] = to => to.Amount(amount),
                ["BillingAccountId"] = to => to.Text(bill.Account.Id),
                ["BillingCurrency"] = to => to.Text(bill.Currency),
                ["BillingPeriodEnd"] = to => to.Time(bill.Account.End),
                ["BillingPeriodStart"] = to => to.Time(bill.Account.Start),
                ["ChargeCategory"] = to => to.Text(lines.Category),
                ["InvoiceDetailCreated"] = to => to.Time(period.Updated.ToUnixTimeSeconds()),
                ["InvoiceDetailDescription"] = to => to.Text(group.Text),
                ["InvoiceDetailGrain"] = to => to.Text("{\"Columns\":[\"InvoiceId\",\"InvoiceDetailId\"]}"),
                ["InvoiceDetailId"] = to => to.Text(group.DetailId),
                ["InvoiceDetailLastUpdated"] = to => to.Time(period.Updated.ToUnixTimeSeconds()),
                ["InvoiceId"] = to => to.Text(bill.InvoiceId),
                ["InvoiceIssueDate"] = to => Date(to, bill, bill.Document!.IssuedOn),
                ["InvoiceIssueStatus"] = to => to.Text(period.Voided.Contains(bill.Document!.Id) ? "Voided" : "Issued"),
                ["InvoiceIssuerName"] = to => to.Text(bill.Issuer(options)),
                ["PaymentCurrency"] = to => to.Text(bill.Currency),
                ["PaymentDueDate"] = to => Date(to, bill, bill.Document!.DueOn),
                ["PaymentTerms"] = to => to.Text(options.PaymentTerms),
                ["ReferenceInvoiceId"] = to => to.Text(bill.Document!.Corrects ?? bill.Document.Replaces ?? bill.Document.Id),
            };
        }
    }

    private static void Date(FocusCsv to, FocusBill bill, string? day)
    {
        if (day is null) to.Null();
        else to.Time(bill.Account.Day(day).Start);
    }

    private static void Write(FocusCsv csv, IReadOnlyList<FocusColumn> columns, IEnumerable<Dictionary<string, Action<FocusCsv>>> rows)
    {
        foreach (var column in columns) csv.Text(column.Name);
        csv.EndRow();
        foreach (var row in rows)
        {
            foreach (var column in columns) row[column.Name](csv);
            csv.EndRow();
        }
    }
}
