using System.Buffers.Binary;
using System.Text;

namespace Metering.Service.Ingest;

/// <summary>Protobuf wire format (protobuf.dev/programming-guides/encoding) over a span; throws <see cref="FormatException"/> on bytes that are none.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> span, int at, int end)
{
    public readonly ReadOnlySpan<byte> Span = span;

    public int At { get; private set; } = at;

    public readonly int End { get; } = end;

    /// <summary>The next field, or false at the end.</summary>
    public bool Next(out int field, out int wire)
    {
        field = wire = 0;
        if (At >= End) return false;
        var tag = Varint();
        field = (int)Math.Min(tag >> 3, int.MaxValue);
        wire = (int)(tag & 7);
        if (field == 0) throw new FormatException($"field 0 at byte {At}");
        return true;
    }

    public ulong Number(int wire) => wire == 0 ? Varint() : throw Wrong(wire);

    public double Double(int wire)
    {
        if (wire != 1) throw Wrong(wire);
        var bytes = Span[Take(8)];
        return BinaryPrimitives.ReadDoubleLittleEndian(bytes);
    }

    public Range Bytes(int wire)
    {
        if (wire != 2) throw Wrong(wire);
        var length = Varint();
        if (length > (ulong)(End - At)) throw new FormatException($"a field of {length} bytes at byte {At} runs past the end");
        return Take((int)length);
    }

    public string Text(int wire)
    {
        var range = Bytes(wire);
        return Encoding.UTF8.GetString(Span[range]);
    }

    /// <summary>A reader of the nested message; call <see cref="Leave"/> when it is done.</summary>
    public WireReader Message(int wire)
    {
        var range = Bytes(wire);
        return new WireReader(Span, range.Start.Value, range.End.Value);
    }

    public readonly void Leave(scoped WireReader inner)
    {
        if (inner.At != inner.End) throw new FormatException($"a message ends in the middle of a field at byte {inner.At}");
    }

    public void Skip(int wire)
    {
        switch (wire)
        {
            case 0: Varint(); break;
            case 1: Take(8); break;
            case 2: Bytes(2); break;
            case 5: Take(4); break;
            default: throw Wrong(wire);
        }
    }

    private ulong Varint()
    {
        // Tags, lengths and most numbers are one byte.
        if (At < End && Span[At] is var single && single < 0x80)
        {
            At++;
            return single;
        }

        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (At >= End) throw new FormatException($"a number at byte {At} runs past the end");
            var one = Span[At++];
            value |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80) return value;
        }

        throw new FormatException($"a number before byte {At} is longer than 64 bits");
    }

    private Range Take(int count)
    {
        if (count > End - At) throw new FormatException($"a field at byte {At} runs past the end");
        At += count;
        return (At - count)..At;
    }

    private readonly FormatException Wrong(int wire) => new($"wire type {wire} before byte {At} is not what the field has");
}
