using System.Runtime.InteropServices;

namespace Metering.Exposition;

/// <summary>
/// A value that stays an exact integer while only integers go into it: a byte counter passes 2^53, where a double would begin to lose single counts,
/// within days on a busy host.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MetricNumber(long Whole, double Real)
{
    public static MetricNumber Of(long value) => new(value, 0);

    public static MetricNumber Of(double value) => new(0, value);

    public bool IsNegative => ToDouble() < 0;

    public bool IsFinite => double.IsFinite(Real);

    /// <summary>Stops at the end of the range instead of wrapping: a metric must neither go back nor stop the code that it watches.</summary>
    public MetricNumber Plus(MetricNumber other)
    {
        var sum = unchecked(Whole + other.Whole);
        var overflow = ((Whole ^ sum) & (other.Whole ^ sum)) < 0;
        return new(overflow ? (Whole < 0 ? long.MinValue : long.MaxValue) : sum, Real + other.Real);
    }

    public double ToDouble() => Whole + Real;
}
