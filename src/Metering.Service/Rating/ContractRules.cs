using System.Globalization;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Rating;

/// <summary>Checks a contract; every fault is listed at once.</summary>
internal static class ContractRules
{
    private const int MaxEntries = 1_000;
    private const int DiscountPlaces = 6;

    /// <param name="tenant">Null: it is unknown, and what depends on its currency is not checked.</param>
    /// <param name="books">The currencies of every known book.</param>
    public static List<Fault> Check(Contract contract, Tenant? tenant, LedgerGrain grain, IReadOnlyDictionary<string, IReadOnlyList<string>> books)
    {
        var faults = new List<Fault>();
        if (contract.Terms.Any(entry => entry is null)) faults.Add(new("terms", "has an entry that is empty."));
        if (contract.Credits.Any(entry => entry is null)) faults.Add(new("credits", "has an entry that is empty."));
        if (contract.Prepaid.Any(entry => entry is null)) faults.Add(new("prepaid", "has an entry that is empty."));
        if (faults.Count > 0) return faults;
        var digits = Currency.MaxDigits;
        if (tenant is not null && !Currency.TryDigits(tenant.Currency, out digits)) faults.Add(new("", $"The tenant's currency '{tenant.Currency}' is no ISO 4217 code; set it right first."));
        foreach (var (name, count) in new[] { ("terms", contract.Terms.Count), ("credits", contract.Credits.Count), ("prepaid", contract.Prepaid.Count) })
        {
            if (count > MaxEntries) faults.Add(new(name, $"has {count} entries; at most {MaxEntries} are taken."));
        }

        for (var i = 0; i < Math.Min(contract.Terms.Count, MaxEntries); i++)
        {
            var terms = contract.Terms[i];
            var at = $"terms[{i}]";
            if (terms.ToSeconds <= terms.FromSeconds) faults.Add(new(at + ".validTo", "is not after validFrom."));
            grain.Check(at + ".validFrom", terms.ValidFrom, faults);
            grain.Check(at + ".validTo", terms.ValidTo, faults);
            for (var before = 0; before < i; before++)
            {
                if (terms.FromSeconds < contract.Terms[before].ToSeconds && contract.Terms[before].FromSeconds < terms.ToSeconds) faults.Add(new(at + ".validFrom", $"overlaps terms[{before}], valid at the same time."));
            }

            if (terms.Discount is { } discount && (discount < 0 || discount > 100 || discount != Math.Round(discount, DiscountPlaces)))
                faults.Add(new(at + ".discount", $"{Text(discount)} is out of range; it is 0 to 100 percent, with at most {DiscountPlaces} decimal places."));
            if (terms.TaxRate is { } rate && (rate < 0 || rate > 100 || rate != Math.Round(rate, TaxLines.RatePlaces)))
                faults.Add(new(at + ".taxRate", $"{Text(rate)} is out of range; it is 0 to 100 percent, with at most {TaxLines.RatePlaces} decimal places."));
            if (terms.TaxName is { } name && (name.Trim().Length is 0 or > 40 || terms.TaxRate is null)) faults.Add(new(at + ".taxName", "is 1 to 40 characters, and stands with a taxRate."));
            if (terms.ServiceCredit is { } credit) Check(credit, at + ".serviceCredit", faults);
            if (terms.Model is not (null or "prices" or "allocation")) faults.Add(new(at + ".model", $"'{terms.Model}' is unknown; it is prices or allocation."));
            Money(terms.Minimum, at + ".minimum", digits, faults);
            Money(terms.Commitment, at + ".commitment", digits, faults);
            if (terms.PriceBook is not { } book) continue;
            if (!books.TryGetValue(book, out var currencies)) faults.Add(new(at + ".priceBook", $"'{book}' is unknown; make it first with PUT /v1/price-books/{book}/versions/1."));
            else if (tenant is not null && currencies.FirstOrDefault(currency => currency != tenant.Currency) is { } other) faults.Add(new(at + ".priceBook", $"'{book}' has prices in {other}, the tenant pays in {tenant.Currency}."));
        }

        if (contract.BillTo is { } to) Check(to, faults);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, balances) in new[] { ("credits", contract.Credits), ("prepaid", contract.Prepaid) })
        {
            for (var i = 0; i < Math.Min(balances.Count, MaxEntries); i++)
            {
                var (balance, at) = (balances[i], $"{name}[{i}]");
                if (balance.Id.Length is 0 or > 64) faults.Add(new(at + ".id", "is 1 to 64 characters."));
                else if (!seen.Add(balance.Id)) faults.Add(new(at + ".id", $"'{balance.Id}' is there twice."));
                if (balance.Amount == 0) faults.Add(new(at + ".amount", "is 0 or missing."));
                Money(balance.Amount, at + ".amount", digits, faults);
                if (balance.ValidFrom >= balance.ValidTo) faults.Add(new(at + ".validTo", "is not after validFrom."));
            }
        }

        return faults;
    }

    private static void Check(BillTo to, List<Fault> faults)
    {
        foreach (var (field, text, max) in new[] { ("name", to.Name, 200), ("taxId", to.TaxId, 100), ("reference", to.Reference, 200) })
        {
            if (text is not null && (text.Trim().Length == 0 || text.Length > max)) faults.Add(new("billTo." + field, $"is 1 to {max} characters."));
        }

        if (to.Address.Count > 8) faults.Add(new("billTo.address", $"has {to.Address.Count} lines; at most 8 are taken."));
        for (var i = 0; i < Math.Min(to.Address.Count, 8); i++)
        {
            if (to.Address[i] is not { Length: > 0 and <= 200 }) faults.Add(new($"billTo.address[{i}]", "is 1 to 200 characters."));
        }
    }

    private static void Check(ServiceCredit credit, string at, List<Fault> faults)
    {
        if (credit.Threshold is not { } threshold) faults.Add(new(at + ".threshold", "is missing; it is the percent of a workload's time, from which on waiting is credited."));
        else if (threshold <= 0 || threshold > 100 || threshold != Math.Round(threshold, DiscountPlaces)) faults.Add(new(at + ".threshold", $"{Text(threshold)} is out of range; it is more than 0 to 100 percent, with at most {DiscountPlaces} decimal places."));
        if (credit.PerCoreHour is not { } price) faults.Add(new(at + ".perCoreHour", "is missing; it is what is credited for a Core-Hour, in the tenant's currency."));
        else if (price <= 0) faults.Add(new(at + ".perCoreHour", $"{Text(price)} is not more than 0."));
        else PriceRules.CheckAmount(price, at + ".perCoreHour", faults);
    }

    private static void Money(decimal? amount, string at, int digits, List<Fault> faults)
    {
        if (amount is not { } given) return;
        if (given < 0 || given > 1e15m) faults.Add(new(at, $"{Text(given)} is out of range; it is 0 to 10^15."));
        else if (given != Math.Round(given, digits)) faults.Add(new(at, $"{Text(given)} has more decimal places than the currency, which has {digits}."));
    }

    private static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);
}
