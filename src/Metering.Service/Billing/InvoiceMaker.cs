using System.Globalization;
using Metering.Service.Rating;
using Metering.Service.Tenants;

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
        foreach (var line in statement.Lines.Select(InvoiceLine.Of))
        {
            before.Remove(line.Key, out var known);
            lines.Add(Less(line, known ?? []));
        }

        foreach (var gone in before.Values) lines.Add(Less(gone[0] with { Cost = 0, Amount = 0, Quantity = gone[0].Quantity is null ? null : 0, Effective = gone[0].Effective is null ? null : 0 }, gone));
        lines.RemoveAll(line => line.IsZero);
        if (lines.Count == 0) return null;
        var total = lines.Sum(line => line.Amount);
        var corrected = issued.FirstOrDefault(document => document.Kind == "invoice")?.Id;
        return Document(total > 0 ? "debitNote" : "creditNote", tenant, statement, period, corrected, lines) with { Total = total };
    }

    private static InvoiceLine Less(InvoiceLine line, List<InvoiceLine> known) => line with
    {
        Cost = line.Cost - known.Sum(one => one.Cost),
        Amount = line.Amount - known.Sum(one => one.Amount),
        Quantity = line.Quantity is { } quantity ? quantity - known.Sum(one => one.Quantity ?? 0) : null,
        Effective = line.Effective is { } effective ? effective - known.Sum(one => one.Effective ?? 0) : null,
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
