namespace Metering.Agent.Accounting;

/// <summary>Reads stored baselines: base-128 varints and bytes. Throws <see cref="InvalidDataException"/> where they end too early.</summary>
internal ref struct StateReader(ReadOnlySpan<byte> bytes, int at)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int At { get; private set; } = at;

    public readonly bool AtEnd => At >= _bytes.Length;

    public ulong Next()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (AtEnd) throw new InvalidDataException("A stored baseline ends in the middle of a number.");
            var one = _bytes[At++];
            value |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80) return value;
        }

        throw new InvalidDataException("A number of a stored baseline is longer than 64 bits.");
    }

    public ReadOnlySpan<byte> Bytes(int count)
    {
        if (count < 0 || At + count > _bytes.Length) throw new InvalidDataException("A stored baseline is cut short.");
        At += count;
        return _bytes.Slice(At - count, count);
    }
}
