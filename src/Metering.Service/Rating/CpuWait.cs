using System.Runtime.InteropServices;
using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>How long those who have reserved CPU waited for it; microseconds. The one rule that the <c>starved</c> alert and service credits go by.</summary>
/// <param name="Waited">The larger of throttled time and pressure, which overlap; at most <paramref name="There"/>.</param>
/// <param name="There">How long they were there.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct CpuWait(long Waited, long There)
{
    /// <summary>Null where nothing was reserved, or neither throttled time nor pressure is known: unknown is not zero.</summary>
    /// <param name="values">By <see cref="Meter.Index"/>, in base units.</param>
    /// <param name="known">Bit per meter.</param>
    /// <param name="time">How long the row is: what counts where the lifetime is not known.</param>
    public static CpuWait? Of(ReadOnlySpan<long> values, int known, long time)
    {
        if (Value(MeterCatalogue.CpuReserved, values, known) is not > 0) return null;
        var (throttled, pressure) = (Value(MeterCatalogue.CpuThrottled, values, known), Value(MeterCatalogue.CpuPressure, values, known));
        if (throttled is null && pressure is null) return null;
        var there = Value(MeterCatalogue.Lifetime, values, known) is { } lived and > 0 ? lived : time;
        return new CpuWait(Math.Min(Math.Max(throttled ?? 0, pressure ?? 0), there), there);
    }

    /// <summary>True when it waited for at least this many percent of the time.</summary>
    public bool Reaches(decimal percent) => There > 0 && (decimal)Waited * 100 >= percent * There;

    internal static long? Value(Meter meter, ReadOnlySpan<long> values, int known) => (known & (1 << meter.Index)) != 0 ? values[meter.Index] : null;
}
