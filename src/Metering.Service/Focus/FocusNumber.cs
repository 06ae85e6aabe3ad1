using System.Numerics;
using System.Runtime.InteropServices;

namespace Metering.Service.Focus;

/// <summary>A number as it is written: an integer of 10 to the power of −<see cref="Scale"/>, exactly.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FocusNumber(Int128 Units, int Scale)
{
    private const int MaxDigits = 38;

    /// <summary>Reads digits with a point and a leading '-'; no '+', no exponent, no grouping.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out FocusNumber number)
    {
        number = default;
        var negative = text.Length > 0 && text[0] == '-';
        var digits = negative ? text[1..] : text;
        var point = digits.IndexOf((byte)'.');
        if (digits.IsEmpty || digits.Length > MaxDigits || point == 0 || point == digits.Length - 1) return false;

        // In two halves of 64 bits: 128-bit steps cost five times as much.
        ulong high = 0, low = 0;
        var (count, scale) = (0, 0);
        foreach (var c in digits)
        {
            if (c == '.')
            {
                if (scale > 0) return false;
                scale = 1;
                continue;
            }

            if (c is < (byte)'0' or > (byte)'9') return false;
            if (count < 19) high = high * 10 + (ulong)(c - '0');
            else low = low * 10 + (ulong)(c - '0');
            count++;
        }

        scale = point < 0 ? 0 : digits.Length - point - 1;
        var units = count <= 19 ? high : (Int128)high * Tens[count - 19] + low;
        number = new FocusNumber(negative ? -units : units, scale);
        return true;
    }

    /// <summary>True when the product of two is exactly this.</summary>
    public bool IsProduct(FocusNumber a, FocusNumber b)
    {
        var (scale, product) = (a.Scale + b.Scale, (BigInteger)0);
        if (Int128.Abs(a.Units) <= long.MaxValue && Int128.Abs(b.Units) <= long.MaxValue)
        {
            var small = a.Units * b.Units;
            if (scale == Scale) return small == Units;
            if (scale > Scale && scale - Scale <= 19 && Int128.Abs(Units) <= long.MaxValue) return small == Units * Tens[scale - Scale];
            product = small;
        }
        else
        {
            product = (BigInteger)a.Units * (BigInteger)b.Units;
        }

        return product * BigInteger.Pow(10, Math.Max(0, Scale - scale)) == (BigInteger)Units * BigInteger.Pow(10, Math.Max(0, scale - Scale));
    }

    /// <summary>At 19 places; throws <see cref="OverflowException"/> beyond.</summary>
    public Int128 AtNineteen => checked(Scale <= 19 ? Units * Tens[19 - Scale] : throw new OverflowException("A number has more than 19 places."));

    public bool Is(FocusNumber other) => (BigInteger)Units * BigInteger.Pow(10, other.Scale) == (BigInteger)other.Units * BigInteger.Pow(10, Scale);

    internal static readonly Int128[] Tens = Powers();

    private static Int128[] Powers()
    {
        var powers = new Int128[20];
        powers[0] = 1;
        for (var i = 1; i < powers.Length; i++) powers[i] = powers[i - 1] * 10;
        return powers;
    }
}
