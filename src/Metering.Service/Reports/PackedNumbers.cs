using System.Buffers;

namespace Metering.Service.Reports;

/// <summary>Whole numbers in as few bytes as they need: seven bits each, the lowest first, the highest bit of a byte set when another one follows (LEB128); signed ones with the sign as the lowest bit.</summary>
internal static class PackedNumbers
{
    // Of 128 bits.
    private const int MaxBytes = 19;

    public static void Write(ArrayBufferWriter<byte> into, UInt128 value)
    {
        var span = into.GetSpan(MaxBytes);
        var at = 0;
        for (; value >= 0x80; value >>= 7) span[at++] = (byte)((uint)(value & 0x7f) | 0x80);
        span[at++] = (byte)value;
        into.Advance(at);
    }

    public static void WriteSigned(ArrayBufferWriter<byte> into, Int128 value) => Write(into, unchecked((UInt128)(value << 1) ^ (UInt128)(value >> 127)));

    /// <summary>Reads a number that fits 64 bits.</summary>
    public static long Read(ReadOnlySpan<byte> from, ref int at)
    {
        var value = (ulong)from[at++];
        if (value < 0x80) return (long)value;
        value &= 0x7f;
        for (var shift = 7; ; shift += 7)
        {
            var one = from[at++];
            value |= (ulong)(one & 0x7f) << shift;
            if (one < 0x80) return checked((long)value);
        }
    }

    public static UInt128 ReadWide(ReadOnlySpan<byte> from, ref int at)
    {
        // Nearly all fit 63 bits, which are read without wide arithmetic.
        var (low, shift) = (0UL, 0);
        for (; shift < 63; shift += 7)
        {
            var one = from[at++];
            low |= (ulong)(one & 0x7f) << shift;
            if (one < 0x80) return low;
        }

        for (UInt128 value = low; ; shift += 7)
        {
            var one = from[at++];
            value |= (UInt128)(uint)(one & 0x7f) << shift;
            if (one < 0x80) return value;
        }
    }

    public static Int128 ReadSigned(ReadOnlySpan<byte> from, ref int at)
    {
        var value = ReadWide(from, ref at);
        return (Int128)(value >> 1) ^ -(Int128)(value & 1);
    }
}
