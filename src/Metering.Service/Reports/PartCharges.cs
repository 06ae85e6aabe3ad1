using System.Buffers;

namespace Metering.Service.Reports;

/// <summary>
/// The entries of a part, in the order of (workload, since); one for each time during which a workload had one owner and one set of labels. As bytes, per entry: the workload less the one before, its first
/// bucket less the part's beginning in units of 900 s, the number of charges, and of each the index of its line and 10⁻⁹ charge units, signed; as <see cref="PackedNumbers"/>.
/// </summary>
internal ref struct PartCharges(RollupPart part)
{
    public const long Unit = 900;
    private readonly ReadOnlySpan<byte> _bytes = part.Charged;
    private readonly long _from = part.From;
    private int _at;
    private long _charges;

    /// <summary>The ledger's id.</summary>
    public long Workload { get; private set; }

    /// <summary>The first bucket of the entry, Unix seconds.</summary>
    public long Since { get; private set; }

    /// <summary>Moves to the next entry; the charges of the one before must have been read.</summary>
    public bool Next()
    {
        if (_at >= _bytes.Length) return false;
        Workload += PackedNumbers.Read(_bytes, ref _at);
        Since = _from + PackedNumbers.Read(_bytes, ref _at) * Unit;
        _charges = PackedNumbers.Read(_bytes, ref _at);
        return true;
    }

    /// <summary>Moves to the next charge of the entry.</summary>
    public bool NextCharge(out int line, out Int128 nano)
    {
        (line, nano) = (0, 0);
        if (_charges == 0) return false;
        _charges--;
        line = (int)PackedNumbers.Read(_bytes, ref _at);
        nano = PackedNumbers.ReadSigned(_bytes, ref _at);
        return true;
    }

    public static void Write(ArrayBufferWriter<byte> into, long workloadStep, long sinceStart, IReadOnlyCollection<KeyValuePair<int, Int128>> charges)
    {
        PackedNumbers.Write(into, (UInt128)workloadStep);
        PackedNumbers.Write(into, (UInt128)(sinceStart / Unit));
        PackedNumbers.Write(into, (UInt128)charges.Count);
        foreach (var (line, nano) in charges)
        {
            PackedNumbers.Write(into, (UInt128)line);
            PackedNumbers.WriteSigned(into, nano);
        }
    }
}
