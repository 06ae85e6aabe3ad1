using System.Numerics;

namespace Metering.Service.Allocation;

/// <summary>Cuts amounts into parts whose sum is the amount, to the last digit: each part is the difference of two rounded cumulatives, half to even.</summary>
internal static class ExactSplit
{
    // The product of two fits 128 bits.
    private const long Small = long.MaxValue;

    /// <summary>Parts by weights of 0 or more, of which one is more.</summary>
    public static Int128[] Of(Int128 amount, IReadOnlyList<Int128> weights)
    {
        var total = weights.Aggregate(Int128.Zero, (sum, weight) => checked(sum + weight));
        var parts = new Int128[weights.Count];
        Int128 until = 0, before = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            until += weights[i];
            var cut = Share(amount, until, total);
            (parts[i], before) = (cut - before, cut);
        }

        return parts;
    }

    /// <summary>amount × of / whole, rounded half to even. The result must fit; the product need not.</summary>
    public static Int128 Share(Int128 amount, Int128 of, Int128 whole)
    {
        if (Int128.Abs(amount) > Small || of > Small || whole > Small) return Wide(amount, of, whole);
        var (quotient, rest) = Int128.DivRem(amount * of, whole);
        var twice = Int128.Abs(rest) * 2;
        if (twice > whole || (twice == whole && Int128.IsOddInteger(quotient))) quotient += Int128.Sign(rest);
        return quotient;
    }

    private static Int128 Wide(Int128 amount, Int128 of, Int128 whole)
    {
        var (quotient, rest) = BigInteger.DivRem((BigInteger)amount * of, whole);
        var twice = BigInteger.Abs(rest) * 2;
        if (twice > whole || (twice == whole && !quotient.IsEven)) quotient += rest.Sign;
        return checked((Int128)quotient);
    }

    /// <summary>What a rate per hour costs from one instant to another, Unix seconds: however a time is cut, the sum is the same.</summary>
    /// <param name="scale">What the rate is divided by.</param>
    public static Int128 Over(Int128 perHour, long scale, long from, long to) => Share(perHour, to, (Int128)3600 * scale) - Share(perHour, from, (Int128)3600 * scale);
}
