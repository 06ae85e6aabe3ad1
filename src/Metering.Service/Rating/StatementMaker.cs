using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>
/// Turns a tenant's charge rows of a period into its statement, in this order: charges by price and tier; the contract's discount on each; the commitment and the minimum; service credits; rounding, line by line, with the
/// residue in one row; tax on the sum, by rate; credits, then prepaid balances, drawn in the order in which they expire. Pure.
/// </summary>
internal static class StatementMaker
{
    /// <summary>Fractions of a minimum or a commitment are rounded at this place, by the telescoping rule.</summary>
    private const int SharePlaces = 9;

    /// <summary>One statement per currency that the rows are in; at least one, in the tenant's currency. The contract is in the tenant's currency and holds for that statement only.</summary>
    /// <param name="rows">Rows of one tenant and one period, in any order.</param>
    /// <param name="drawnBefore">What earlier periods have drawn, by the id of the balance.</param>
    public static IReadOnlyList<Statement> Make(Tenant tenant, BillingPeriod period, IReadOnlyCollection<ChargeRow> rows, Contract? contract, IReadOnlyDictionary<string, Amount>? drawnBefore = null)
    {
        var zone = TenantCalendar.Zone(tenant.TimeZone);
        var currencies = rows.Select(row => row.Line.Currency).Append(tenant.Currency).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return [.. currencies.Select(currency => One(tenant, period, zone, currency, [.. rows.Where(row => row.Line.Currency == currency)], currency == tenant.Currency ? contract : null, drawnBefore ?? new Dictionary<string, Amount>()))];
    }

    private static Statement One(Tenant tenant, BillingPeriod period, DateTimeZone zone, string currency, List<ChargeRow> rows, Contract? contract, IReadOnlyDictionary<string, Amount> drawnBefore)
    {
        var digits = Currency.DigitsOf(currency);
        var lines = new List<StatementLine>();
        var bounds = period.Bounds(zone);
        var nets = new List<(ContractTerms Terms, Amount Net)>();
        var credits = rows.FindAll(row => row.Line.Kind == ChargeKind.ServiceCredit);
        rows = rows.FindAll(row => row.Line.Kind != ChargeKind.ServiceCredit);
        foreach (var group in Ordered(rows)) Add(group.Key.Line.Kind, group.Key.Line.Sku, group.Key.Line, group.Key.Tier, group.Aggregate((Int128)0, (sum, row) => sum + row.Nano), group.Key.Line.Prices[group.Key.Tier]);
        foreach (var terms in contract?.Terms ?? [])
        {
            var mine = rows.FindAll(row => ReferenceEquals(row.Terms, terms));
            nets.Add((terms, Agreed(terms, mine)));
        }

        foreach (var group in Ordered(credits)) Add(ChargeKind.ServiceCredit, group.Key.Line.Sku, group.Key.Line, group.Key.Tier, group.Aggregate((Int128)0, (sum, row) => sum + row.Nano), group.Key.Line.Prices[group.Key.Tier]);
        for (var i = 0; i < nets.Count; i++) nets[i] = (nets[i].Terms, Credited(nets[i].Terms, nets[i].Net));

        var exact = lines.Aggregate(Amount.Zero, (sum, line) => sum + line.Cost);
        var total = lines.Aggregate(Amount.Zero, (sum, line) => sum + line.Rounded);
        if (total != exact) lines.Add(new StatementLine(ChargeKind.Adjustment, $"Rounding to the minor unit of {currency}", null, null, null, total - exact, Amount.Zero));
        var untaxed = total;
        lines.AddRange(TaxLines.Make(nets, exact, untaxed, digits));
        total = lines.Where(line => line.Kind == ChargeKind.Tax).Aggregate(untaxed, (sum, line) => sum + line.Rounded);
        var tax = total - untaxed;
        var drawn = new Dictionary<string, Amount>(StringComparer.Ordinal);
        foreach (var balance in Available(contract?.Credits)) Draw(ChargeKind.CreditDrawn, "Credit", balance);
        foreach (var balance in Available(contract?.Prepaid)) Draw(ChargeKind.PrepaidDrawn, "Prepaid", balance);
        return new Statement(tenant.Id, period, currency, lines, exact, total, drawn) { Net = untaxed, Tax = tax };

        void Add(ChargeKind kind, string text, PriceLine line, int tier, Int128 nano, long price)
        {
            var cost = Amount.Of(nano, price);
            lines.Add(new StatementLine(kind, text, (line, tier), ChargeRow.Exactly(nano), (decimal)price / PriceLine.PriceScale, cost, cost.Round(digits)));
        }

        Amount Agreed(ContractTerms terms, List<ChargeRow> mine)
        {
            var net = mine.Aggregate(Amount.Zero, (sum, row) => sum + row.Cost);
            if (terms.Discount is { } discount and > 0)
            {
                var first = lines.Count;
                foreach (var group in Ordered(mine))
                {
                    var list = group.Key.Line.Prices[group.Key.Tier];
                    Add(ChargeKind.Discount, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Discount of {discount} % on {group.Key.Line.Sku}"), group.Key.Line, group.Key.Tier,
                        group.Aggregate((Int128)0, (sum, row) => sum + row.Nano), ContractTerms.Contracted(list, discount) - list);
                }

                net = lines.Skip(first).Aggregate(net, (sum, line) => sum + line.Cost);
            }

            if (Share(terms.Commitment, terms, bounds) is { } commitment && commitment > Amount.Zero)
            {
                var used = net < Amount.Zero ? Amount.Zero : net < commitment ? net : commitment;
                Plain(ChargeKind.CommitmentPurchase, "Commitment", commitment);
                if (used > Amount.Zero) Plain(ChargeKind.CommitmentUsed, "Covered by the commitment", -used);
                if (commitment > used) Plain(ChargeKind.CommitmentUnused, "Commitment not used", Amount.Zero, commitment - used);
                net += commitment - used;
            }

            if (Share(terms.Minimum, terms, bounds) is not { } minimum || minimum <= net) return net;
            Plain(ChargeKind.Minimum, "Up to the minimum", minimum - net);
            return minimum;
        }

        // Nobody is paid for having waited: at most what is charged.
        Amount Credited(ContractTerms terms, Amount net)
        {
            var credited = credits.Where(row => ReferenceEquals(row.Terms, terms)).Aggregate(Amount.Zero, (sum, row) => sum - row.Cost);
            var most = net > Amount.Zero ? net : Amount.Zero;
            if (credited <= most) return net - credited;
            Plain(ChargeKind.ServiceCredit, "Service credit beyond what is charged", credited - most);
            return net - most;
        }

        void Plain(ChargeKind kind, string text, Amount cost, Amount? effective = null) => lines.Add(new StatementLine(kind, text, null, null, null, cost, cost.Round(digits), effective));

        void Draw(ChargeKind kind, string text, Balance balance)
        {
            var left = Amount.FromDecimal(balance.Amount) - drawnBefore.GetValueOrDefault(balance.Id);
            var take = left < total ? left : total;
            if (take <= Amount.Zero) return;
            drawn[balance.Id] = take;
            lines.Add(new StatementLine(kind, $"{text} {balance.Id}", null, null, null, -take, -take));
            total -= take;
        }

        IEnumerable<Balance> Available(IReadOnlyList<Balance>? balances) => (balances ?? [])
            .Where(balance => (balance.ValidFrom?.ToUnixTimeSeconds() ?? 0) < bounds.End && (balance.ValidTo?.ToUnixTimeSeconds() ?? long.MaxValue) > bounds.Start)
            .OrderBy(balance => balance.ValidTo ?? DateTimeOffset.MaxValue).ThenBy(balance => balance.Id, StringComparer.Ordinal);
    }

    private static IEnumerable<IGrouping<(PriceLine Line, int Tier), ChargeRow>> Ordered(IEnumerable<ChargeRow> rows) => rows.GroupBy(row => (row.Line, row.Tier))
        .OrderBy(group => group.Key.Line.Sku, StringComparer.Ordinal).ThenBy(group => group.Key.Line.Book, StringComparer.Ordinal).ThenBy(group => group.Key.Line.Version).ThenBy(group => group.Key.Tier);

    // The part of the amount for the part of the period in which the terms hold: a difference of two rounded cumulatives, so that terms which follow each other add up to the whole.
    private static Amount? Share(decimal? amount, ContractTerms terms, (long Start, long End) bounds)
    {
        if (amount is not { } whole) return null;
        var (from, to) = (Math.Max(terms.FromSeconds, bounds.Start), Math.Min(terms.ToSeconds, bounds.End));
        return from >= to ? null : Until(to) - Until(from);

        Amount Until(long at)
        {
            var units = Amount.FromDecimal(whole).Units;
            var length = (System.Numerics.BigInteger)(bounds.End - bounds.Start);
            var product = (System.Numerics.BigInteger)units * (at - bounds.Start);
            // Cut at a place far below the one that is rounded.
            return new Amount((Int128)(product / length)).Round(SharePlaces);
        }
    }
}
