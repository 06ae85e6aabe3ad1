using System.Globalization;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using NodaTime.Text;

namespace Metering.Service.Billing;

/// <summary>Makes documents of statements: invoices, and notes as the difference of what a period costs and what was issued for it. Pure.</summary>
internal static class InvoiceMaker
{
    /// <summary>The invoice of a statement; null when it has no line.</summary>
    public static InvoiceDocument? Invoice(Tenant tenant, Statement statement)
    {
        if (statement.Lines.Count == 0) return null;
        return Document("invoice", tenant, statement, statement.Period, null, [.. statement.Lines.Select(InvoiceLine.Of)]) with
        {
            Total = statement.Total.ToDecimal(),
            Net = statement.Net.ToDecimal(),
            Tax = statement.Tax.ToDecimal(),
            Drawn = new SortedDictionary<string, decimal>(statement.Drawn.ToDictionary(pair => pair.Key, pair => pair.Value.ToDecimal()), StringComparer.Ordinal),
        };
    }

    /// <summary>
    /// The note that brings what was issued for a period to what the statement says; null when nothing differs. What invoices have drawn from credits stays drawn: the note is to pay, or to be paid back.
    /// </summary>
    /// <param name="statement">Made without credits and prepaid amounts.</param>
    /// <param name="issued">The invoice and the notes for the same period, tenant and currency so far.</param>
    public static InvoiceDocument? Note(BillingPeriod period, Tenant tenant, Statement statement, IReadOnlyCollection<InvoiceDocument> issued)
    {
        var lines = new List<InvoiceLine>();
        var before = issued.SelectMany(document => document.Lines).Where(line => !line.IsDraw).GroupBy(line => line.Key).ToDictionary(group => group.Key, group => group.ToList());

        // Terms that follow each other have lines with the same key: they are held together against what was issued, else a note would take back what it says one line below.
        foreach (var group in statement.Lines.Select(InvoiceLine.Of).GroupBy(line => line.Key))
        {
            before.Remove(group.Key, out var known);
            lines.Add(Less(group.Aggregate(Together), known ?? []));
        }

        lines.AddRange(before.Values.Select(Reversed));
        lines.RemoveAll(line => line.IsZero);
        if (lines.Count == 0) return null;
        var corrected = issued.LastOrDefault(document => document.Kind == "invoice")?.Id;
        return Note(Document("", tenant, statement, period, corrected, lines));
    }

    /// <summary>The note that takes back an invoice with all that was issued on it since; what was drawn from credits and prepaid amounts is theirs again.</summary>
    /// <param name="issued">The invoice and the other documents for the same period, tenant and currency.</param>
    public static InvoiceDocument Void(BillingPeriod period, InvoiceDocument invoice, IReadOnlyCollection<InvoiceDocument> issued, DateTimeOffset now)
    {
        var lines = issued.SelectMany(document => document.Lines).GroupBy(line => line.Key).Select(group => Reversed([.. group])).Where(line => !line.IsZero).ToList();
        var drawn = new SortedDictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var (id, amount) in issued.SelectMany(document => document.Drawn)) drawn[id] = drawn.GetValueOrDefault(id) - amount;
        return Note(invoice with
        {
            Period = period.ToString(), Corrects = invoice.Id, Voids = invoice.Id, Replaces = null, Lines = lines, Drawn = drawn, IssuedOn = DayOf(now, invoice.Tenant.TimeZone), DueOn = null, EstimatedShare = null,
        });
    }

    /// <summary>Adds who issues it, to whom and until when it is due.</summary>
    public static InvoiceDocument Complete(InvoiceDocument document, Contract? contract, InvoiceOptions options, decimal? estimatedShare) => document with
    {
        Seller = options.Seller,
        BillTo = contract?.BillTo,
        DueOn = document.Total > 0 ? LocalDatePattern.Iso.Parse(document.IssuedOn).Value.PlusDays(options.PaymentDays).ToString("uuuu-MM-dd", CultureInfo.InvariantCulture) : null,
        EstimatedShare = estimatedShare,
    };

    /// <summary>A day in a zone, such as <c>2026-11-03</c>.</summary>
    internal static string DayOf(DateTimeOffset at, string zone) => TenantCalendar.DayOf(at.ToUnixTimeSeconds(), TenantCalendar.Zone(zone)).Date.ToString("uuuu-MM-dd", CultureInfo.InvariantCulture);

    private static InvoiceDocument Note(InvoiceDocument document)
    {
        var total = document.Lines.Sum(line => line.Amount);
        var tax = document.Lines.Where(line => line.Kind == "tax").Sum(line => line.Amount);
        return document with { Kind = total > 0 ? "debitNote" : "creditNote", Total = total, Tax = tax, Net = document.Lines.Where(line => !line.IsDraw).Sum(line => line.Amount) - tax };
    }

    private static InvoiceLine Reversed(List<InvoiceLine> known) => Less(
        known[0] with { Cost = Amount.Zero, Amount = 0, Quantity = known[0].Quantity is null ? null : 0, Effective = known[0].Effective is null ? null : 0, TaxBase = known[0].TaxBase is null ? null : 0 }, known);

    private static InvoiceLine Together(InvoiceLine line, InvoiceLine other) => line with
    {
        Cost = line.Cost + other.Cost, Amount = line.Amount + other.Amount, Quantity = line.Quantity + other.Quantity, Effective = line.Effective + other.Effective, TaxBase = line.TaxBase + other.TaxBase,
    };

    private static InvoiceLine Less(InvoiceLine line, List<InvoiceLine> known) => line with
    {
        Cost = known.Aggregate(line.Cost, (rest, one) => rest - one.Cost),
        Amount = line.Amount - known.Sum(one => one.Amount),
        Quantity = line.Quantity is { } quantity ? quantity - known.Sum(one => one.Quantity ?? 0) : null,
        Effective = line.Effective is { } effective ? effective - known.Sum(one => one.Effective ?? 0) : null,
        TaxBase = line.TaxBase is { } on ? on - known.Sum(one => one.TaxBase ?? 0) : null,
    };

    private static InvoiceDocument Document(string kind, Tenant tenant, Statement statement, BillingPeriod period, string? corrects, IReadOnlyList<InvoiceLine> lines)
    {
        var zone = TenantCalendar.Zone(tenant.TimeZone);
        var (from, to) = statement.Period.Bounds(zone);
        return new InvoiceDocument(
            "", 0, kind, period.ToString(), statement.Period.ToString(), corrects, new InvoiceTenant(tenant.Id, tenant.Name, tenant.TimeZone), statement.Currency,
            DateTimeOffset.FromUnixTimeSeconds(from), DateTimeOffset.FromUnixTimeSeconds(to), period.Next.First.ToString("uuuu-MM-dd", CultureInfo.InvariantCulture), lines, 0, new Dictionary<string, decimal>());
    }
}
