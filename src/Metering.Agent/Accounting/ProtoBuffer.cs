using System.Text;

namespace Metering.Agent.Accounting;

/// <summary>
/// Writes protobuf wire format (protobuf.dev/programming-guides/encoding) into a buffer that is kept from pass to pass.
/// By hand, because message objects for 10,000 workloads a pass would be the largest cost of the agent.
/// </summary>
internal sealed class ProtoBuffer(int capacity = 4096)
{
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Field of type uint64, uint32, bool or enum; zero is not written, as proto3 has it.</summary>
    public void Varint(int field, ulong value)
    {
        if (value == 0) return;
        Raw((ulong)field << 3);
        Raw(value);
    }

    public void Double(int field, double value)
    {
        if (value == 0) return;
        Raw(((ulong)field << 3) | 1);
        Reserve(8);
        BitConverter.TryWriteBytes(_bytes.AsSpan(Length), value);
        Length += 8;
    }

    public void Text(int field, string value)
    {
        if (value.Length == 0) return;
        var size = Encoding.UTF8.GetByteCount(value);
        Raw(((ulong)field << 3) | 2);
        Raw((ulong)size);
        Reserve(size);
        Encoding.UTF8.GetBytes(value, _bytes.AsSpan(Length));
        Length += size;
    }

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Raw(((ulong)field << 3) | 2);
        Raw((ulong)value.Length);
        Append(value);
    }

    /// <summary>google.protobuf.Timestamp from Unix microseconds.</summary>
    public void Timestamp(int field, long unixMicroseconds)
    {
        Span<byte> scratch = stackalloc byte[24];
        var at = 0;
        var seconds = (ulong)Math.DivRem(unixMicroseconds, 1_000_000, out var rest);
        if (seconds != 0)
        {
            scratch[at++] = 1 << 3;
            at += PutVarint(scratch[at..], seconds);
        }

        if (rest != 0)
        {
            scratch[at++] = 2 << 3;
            at += PutVarint(scratch[at..], (ulong)rest * 1000);
        }

        Bytes(field, scratch[..at]);
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    public void Raw(ulong value)
    {
        Reserve(10);
        Length += PutVarint(_bytes.AsSpan(Length), value);
    }

    public byte[] ToArray() => Written.ToArray();

    private static int PutVarint(Span<byte> into, ulong value)
    {
        var at = 0;
        while (value >= 0x80)
        {
            into[at++] = (byte)(value & 0x7F | 0x80);
            value >>= 7;
        }

        into[at++] = (byte)value;
        return at;
    }

    private void Reserve(int more)
    {
        if (Length + more > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + more));
    }
}
