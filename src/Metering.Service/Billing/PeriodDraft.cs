using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>What closing a period would issue, and what it was made of.</summary>
/// <param name="Charges">Numbered after those of the period that are stored; corrections of earlier periods are among them.</param>
/// <param name="Documents">Numbered as they would be.</param>
/// <param name="Late">Marks of late usage that it has dealt with.</param>
/// <param name="Corrected">Earlier periods that were rated anew, and by which configuration.</param>
/// <param name="Revision">Of the configuration.</param>
/// <param name="FirstNumber">Of the documents.</param>
/// <param name="Previous">Hash of the last closed period's manifest.</param>
internal sealed record PeriodDraft(
    RatedPeriod Rated, IReadOnlyList<ChargeEntry> Charges, IReadOnlyList<InvoiceDocument> Documents, IReadOnlyList<(long Bucket, long Arrivals)> Late, IReadOnlyDictionary<string, string> Corrected, long Revision,
    long FirstNumber, string Previous, string Configuration)
{
    public BillingPeriod Period => Rated.Period;

    /// <summary>What voided invoices, and ones issued anew, have charged in the period already; numbered before the others.</summary>
    public IReadOnlyList<ChargeEntry> ChargedBefore { get; init; } = [];

    public IReadOnlyList<InvoiceDocument> IssuedBefore { get; init; } = [];

    /// <summary>What of it is a tenant's; null: all. Numbers stay those of the whole month.</summary>
    public PeriodDraft Of(string? tenant) => tenant is null ? this : this with
    {
        Charges = [.. Charges.Where(charge => charge.Tenant == tenant)],
        Documents = [.. Documents.Where(document => document.Tenant.Id == tenant)],
        ChargedBefore = [.. ChargedBefore.Where(charge => charge.Tenant == tenant)],
        IssuedBefore = [.. IssuedBefore.Where(document => document.Tenant.Id == tenant)],
    };

    public PeriodManifest Manifest(IReadOnlyList<string> waivers)
    {
        var charged = new SortedDictionary<string, Amount>(StringComparer.Ordinal);
        using var hash = new ChargeHash();
        IReadOnlyList<InvoiceDocument> documents = [.. IssuedBefore, .. Documents];
        foreach (var charge in ChargedBefore.Concat(Charges))
        {
            hash.Add(charge);
            charged[charge.Currency] = charged.GetValueOrDefault(charge.Currency) + charge.Cost;
        }

        var invoiced = new SortedDictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var document in documents) invoiced[document.Currency] = invoiced.GetValueOrDefault(document.Currency) + document.Total;
        return new PeriodManifest(
            Period.ToString(), Previous, DateTimeOffset.FromUnixTimeSeconds(Rated.Start), DateTimeOffset.FromUnixTimeSeconds(Rated.End), Rated.UsageRows, Rated.UnpricedRows, hash.Count, hash.End(),
            charged.ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.Ordinal), invoiced,
            [.. documents.Select(document => new PeriodManifest.Issued(document.Id, document.Kind, document.Tenant.Id, document.Origin, document.Currency, document.Total, PeriodManifest.Hash(document.Json())))],
            Corrected, [.. waivers.Order(StringComparer.Ordinal)], Configuration);
    }
}
