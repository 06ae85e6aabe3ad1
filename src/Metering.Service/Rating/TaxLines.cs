using System.Globalization;
using System.Numerics;

namespace Metering.Service.Rating;

/// <summary>
/// The tax rows of a statement: one for each rate, on the sum of the lines that its terms hold for, rounded half to even to the minor unit. What is rounded away is not owed, so a row's cost is its amount.
/// Tax is on what is charged, whoever pays it from which balance: credits and prepaid amounts are drawn after it. Pure.
/// </summary>
internal static class TaxLines
{
    /// <summary>Rates have at most this many decimal places.</summary>
    public const int RatePlaces = 6;

    private static readonly BigInteger RateScale = BigInteger.Pow(10, RatePlaces);

    /// <param name="nets">What is charged by each of the contract's terms, exactly, in the order of time.</param>
    /// <param name="exact">What is charged in all.</param>
    /// <param name="total">The same as the sum of the rounded lines.</param>
    public static List<StatementLine> Make(IReadOnlyList<(ContractTerms Terms, Amount Net)> nets, Amount exact, Amount total, int digits)
    {
        var rates = nets.Where(one => one.Terms.TaxRate is not null).GroupBy(one => (Name: one.Terms.TaxName ?? "Tax", Rate: one.Terms.TaxRate!.Value)).Select(group => (group.Key, Net: group.Aggregate(Amount.Zero, (sum, one) => sum + one.Net))).ToList();
        var lines = new List<StatementLine>(rates.Count);
        if (rates.Count == 0) return lines;

        // The bases are differences of rounded cumulatives, of which the last is the total: they add up to what is taxed of it, to the minor unit.
        var sum = exact - rates.Aggregate(Amount.Zero, (all, one) => all + one.Net);
        var before = sum.Round(digits);
        for (var i = 0; i < rates.Count; i++)
        {
            var ((name, rate), net) = rates[i];
            sum += net;
            var until = i == rates.Count - 1 ? total : sum.Round(digits);
            var amount = Of(until - before, rate, digits);
            lines.Add(new StatementLine(ChargeKind.Tax, string.Create(CultureInfo.InvariantCulture, $"{name} {rate:0.######} %"), null, null, null, amount, amount) { Tax = (rate, until - before) });
            before = until;
        }

        return lines;
    }

    /// <summary>A percentage of an amount, rounded half to even.</summary>
    /// <param name="rate">Percent.</param>
    internal static Amount Of(Amount on, decimal rate, int digits)
    {
        var step = BigInteger.Pow(10, Amount.Places - digits);
        var (quotient, rest) = BigInteger.DivRem(on.Units * (BigInteger)(rate * (decimal)RateScale), 100 * RateScale * step);
        var twice = BigInteger.Abs(rest) * 2;
        var whole = 100 * RateScale * step;
        if (twice > whole || (twice == whole && !quotient.IsEven)) quotient += rest.Sign;
        return new Amount((Int128)(quotient * step));
    }
}
