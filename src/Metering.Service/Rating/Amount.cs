using System.Globalization;
using System.Numerics;
using Metering.Safety;

namespace Metering.Service.Rating;

/// <summary>
/// An exact amount of money, in units of 10⁻¹⁹ of a currency: a quantity of 9 places times a price of 10. A 128-bit integer (±1.7·10¹⁹ of the currency), so that sums and products are exact
/// or throw <see cref="OverflowException"/>; <c>decimal</c> would drop digits past 28 without a word.
/// </summary>
[System.Text.Json.Serialization.JsonConverter(typeof(AmountJson))]
public readonly record struct Amount(Int128 Units) : IComparable<Amount>
{
    public const int Places = 19;
    public static readonly Amount Zero;
    private static readonly Int128[] Tens = Powers();

    /// <summary>A quantity in 10⁻⁹ units at a price in 10⁻¹⁰ of the currency.</summary>
    public static Amount Of(Int128 nanoUnits, long priceUnits) => new(checked(nanoUnits * priceUnits));

    /// <summary>Throws <see cref="OverflowException"/> when it has more than 19 places or is too large.</summary>
    public static Amount FromDecimal(decimal value) => Scaled(Mantissa(value), value.Scale);

    /// <summary>A quantity of at most 9 places times a price of at most 10, exactly: a product of decimals drops what is beyond 28 digits.</summary>
    public static Amount Product(decimal quantity, decimal price) => Scaled(Mantissa(quantity) * Mantissa(price), quantity.Scale + price.Scale);

    /// <summary>Reads what <see cref="ToString"/> writes. Throws <see cref="FormatException"/> or <see cref="OverflowException"/>.</summary>
    public static Amount Parse(ReadOnlySpan<byte> text)
    {
        var point = text.IndexOf((byte)'.');
        var places = point < 0 ? 0 : text.Length - point - 1;
        if (places > Places) throw new FormatException($"An amount has at most {Places} decimal places.");
        Span<byte> digits = stackalloc byte[64];
        if (text.Length > digits.Length) throw new OverflowException("An amount has at most 39 digits.");
        text.CopyTo(digits);
        if (point >= 0) text[(point + 1)..].CopyTo(digits[point..]);
        return new Amount(checked(Int128.Parse(digits[..(point < 0 ? text.Length : text.Length - 1)], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) * Tens[Places - places]));
    }

    /// <summary>The same amount; exact, or <see cref="OverflowException"/>.</summary>
    public static implicit operator Amount(decimal value) => FromDecimal(value);

    /// <summary>The same as a decimal without trailing zeros. Throws <see cref="InvariantException"/> when it has more digits than a decimal holds: never rounded.</summary>
    public decimal ToDecimal()
    {
        var (units, scale) = (Units, Places);
        while (scale > 0)
        {
            var (quotient, rest) = Int128.DivRem(units, 10);
            if (rest != 0) break;
            (units, scale) = (quotient, scale - 1);
        }

        var magnitude = Int128.Abs(units);
        Invariant.Holds(magnitude >> 96 == 0);
        var bits = (UInt128)magnitude;
        return new decimal(unchecked((int)bits), unchecked((int)(bits >> 32)), unchecked((int)(bits >> 64)), units < 0, (byte)scale);
    }

    /// <summary>The nearest decimal, for faces that show no more: of what has more digits than that holds the last ones are rounded half to even.</summary>
    public decimal ToNearest()
    {
        var places = Places;
        for (var magnitude = Int128.Abs(Units); magnitude >> 96 != 0; magnitude /= 10) places--;
        return (places == Places ? this : Round(places)).ToDecimal();
    }

    /// <summary>Rounded half to even to this many places, at most 18.</summary>
    public Amount Round(int places)
    {
        var step = Tens[Places - places];
        var (quotient, rest) = Int128.DivRem(Units, step);
        var twice = Int128.Abs(rest) * 2;
        if (twice > step || (twice == step && Int128.IsOddInteger(quotient))) quotient += Units < 0 ? -1 : 1;
        return new Amount(checked(quotient * step));
    }

    /// <summary>All digits, no exponent, no trailing zeros.</summary>
    public override string ToString()
    {
        var digits = Int128.Abs(Units).ToString(CultureInfo.InvariantCulture).PadLeft(Places + 1, '0');
        var text = (Units < 0 ? "-" : "") + digits[..^Places] + "." + digits[^Places..];
        return text.TrimEnd('0').TrimEnd('.');
    }

    public int CompareTo(Amount other) => Units.CompareTo(other.Units);

    public static Amount operator +(Amount a, Amount b) => new(checked(a.Units + b.Units));

    public static Amount operator -(Amount a, Amount b) => new(checked(a.Units - b.Units));

    public static Amount operator -(Amount a) => new(checked(-a.Units));

    public static bool operator <(Amount a, Amount b) => a.Units < b.Units;

    public static bool operator >(Amount a, Amount b) => a.Units > b.Units;

    public static bool operator <=(Amount a, Amount b) => a.Units <= b.Units;

    public static bool operator >=(Amount a, Amount b) => a.Units >= b.Units;

    /// <summary>The digits of a decimal without its point.</summary>
    internal static BigInteger Mantissa(decimal value)
    {
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        var magnitude = unchecked(((BigInteger)(uint)bits[2] << 64) + ((BigInteger)(uint)bits[1] << 32) + (uint)bits[0]);
        return bits[3] < 0 ? -magnitude : magnitude;
    }

    private static Amount Scaled(BigInteger mantissa, int scale)
    {
        while (scale > Places)
        {
            var (quotient, rest) = BigInteger.DivRem(mantissa, 10);
            if (!rest.IsZero) throw new OverflowException($"An amount has more than {Places} decimal places.");
            (mantissa, scale) = (quotient, scale - 1);
        }

        return new Amount((Int128)(mantissa * BigInteger.Pow(10, Places - scale)));
    }

    private static Int128[] Powers()
    {
        var powers = new Int128[Places + 1];
        powers[0] = 1;
        for (var i = 1; i < powers.Length; i++) powers[i] = powers[i - 1] * 10;
        return powers;
    }
}
