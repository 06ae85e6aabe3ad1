using System.Buffers;
using System.Text;

namespace Metering.Service.Reports;

/// <summary>
/// What the entries of a part used, column by column, so that one meter is read without the others. As bytes: the number of entries; then columns, each with the length of its name, its name, the length of its
/// content, and its content: one number for each entry, as <see cref="PackedNumbers"/>. Columns are <see cref="Workloads"/> (the workload less the one before), <see cref="Since"/> (as in
/// <see cref="PartCharges"/>), <see cref="Rows"/>, <see cref="Estimated"/>, <see cref="Unscraped"/>, and those of the meters that anything is known of, by <see cref="Meters.Meter.Column"/>: 0 is not known, any other
/// number one more than the sum (of a peak: the largest).
/// </summary>
internal sealed class PartUsage
{
    public const string Workloads = "workload", Since = "since", Rows = "rows", Estimated = "estimated_us", Unscraped = "unscraped_us";

    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);

    public PartUsage(byte[] bytes)
    {
        Bytes = bytes;
        var at = 0;
        Entries = (int)PackedNumbers.Read(bytes, ref at);
        while (at < bytes.Length)
        {
            var length = (int)PackedNumbers.Read(bytes, ref at);
            var name = Encoding.ASCII.GetString(bytes, at, length);
            at += length;
            length = (int)PackedNumbers.Read(bytes, ref at);
            _columns[name] = at;
            at += length;
        }
    }

    public byte[] Bytes { get; }

    public int Entries { get; }

    /// <summary>Where the content of a column begins; -1: there is none.</summary>
    public int Column(string name) => _columns.GetValueOrDefault(name, -1);

    public static void Begin(ArrayBufferWriter<byte> into, int entries) => PackedNumbers.Write(into, (UInt128)entries);

    public static void Write(ArrayBufferWriter<byte> into, string name, ReadOnlySpan<byte> content)
    {
        PackedNumbers.Write(into, (UInt128)name.Length);
        into.Write(Encoding.ASCII.GetBytes(name));
        PackedNumbers.Write(into, (UInt128)content.Length);
        into.Write(content);
    }
}
