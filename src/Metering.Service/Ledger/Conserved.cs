using System.Buffers.Binary;
using Metering.Meters;

namespace Metering.Service.Ledger;

/// <summary>
/// What the batches of one host bill to one bucket, as they were when they came in, and which batches those are: a row of <c>conservation</c>. It is counted beside the merging of usage,
/// so that closing a period proves Σ usage = Σ batches without reading the batches again, and after their bytes have expired.
/// Sums are modulo 2⁶¹ − 1: no host can overflow them, and a difference that they hide is a multiple of that.
/// </summary>
internal sealed class Conserved
{
    public const long Modulus = (1L << 61) - 1;

    /// <summary>By <see cref="Meter.Index"/>: the sum modulo <see cref="Modulus"/>, or the largest peak.</summary>
    public readonly long[] Values = new long[MeterCatalogue.All.Count];

    /// <summary>CPU microseconds that were split by time, modulo <see cref="Modulus"/>.</summary>
    public long Estimated;

    /// <summary>Batches whose window ends in the bucket.</summary>
    public long Batches;

    /// <summary>Exclusive or of the first and the second 8 bytes of their hashes.</summary>
    public long HashFirst, HashSecond;

    public void Add(Meter meter, long quantity)
    {
        ref var value = ref Values[meter.Index];
        value = meter.Kind == MeterKind.Peak ? Math.Max(value, quantity) : Sum(value, quantity);
    }

    public void AddEstimated(long quantity) => Estimated = Sum(Estimated, quantity);

    public void AddBatch(ReadOnlySpan<byte> hash)
    {
        Batches++;
        HashFirst ^= BinaryPrimitives.ReadInt64BigEndian(hash);
        HashSecond ^= BinaryPrimitives.ReadInt64BigEndian(hash[8..]);
    }

    /// <summary>The sum modulo <see cref="Modulus"/> of one below it and any quantity.</summary>
    public static long Sum(long a, long b)
    {
        var sum = a + (b & Modulus) + (b >> 61);
        while (sum >= Modulus) sum -= Modulus;
        return sum;
    }

    /// <summary>True when the sums and peaks are the same, whatever the batches.</summary>
    public bool Bills(Conserved other) => Estimated == other.Estimated && Values.AsSpan().SequenceEqual(other.Values);

    /// <summary>True when it was counted from the same batches.</summary>
    public bool IsFrom(Conserved other) => (Batches, HashFirst, HashSecond) == (other.Batches, other.HashFirst, other.HashSecond);

    /// <summary>True when both are the same.</summary>
    public bool Is(Conserved other) => Bills(other) && IsFrom(other);

    public void Clear()
    {
        Array.Clear(Values);
        (Estimated, Batches, HashFirst, HashSecond) = (0, 0, 0, 0);
    }
}
