using System.Runtime.InteropServices;
using System.Text;

namespace Metering.Service.Quotas;

/// <summary>What a transaction added to one figure: a row of <c>quota_growth</c> holds them all.</summary>
/// <param name="Start">Start of the window, bucket or minute, Unix seconds.</param>
/// <param name="Quantity">In base units; of a peak, the largest.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct QuotaGrown(string Quota, long Start, string Component, bool IsPeak, Int128 Quantity)
{
    private const byte Version = 1;

    /// <summary>
    /// As bytes: 1 for the version, then for each the length of the quota's name in UTF-8 and the name, or 0 when it is that of the one before; the start; length and text of the component; 1 for a peak, else 0;
    /// and the quantity as <see cref="QuotaMath.Split"/> has it. Numbers are of 7 bits to the byte, the lowest first.
    /// </summary>
    public static byte[] Write(IReadOnlyList<QuotaUse> uses)
    {
        using var bytes = new MemoryStream(uses.Count * 40);
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(Version);
        CompiledQuota? before = null;
        for (var i = 0; i < uses.Count; i++)
        {
            var use = uses[i];
            writer.Write(ReferenceEquals(use.Quota, before) ? "" : use.Quota.Id);
            writer.Write7BitEncodedInt64(use.Start);
            writer.Write(use.Component);
            writer.Write(use.Quota.IsPeak);
            var (high, low) = QuotaMath.Split(use.Growth);
            writer.Write7BitEncodedInt64(high);
            writer.Write7BitEncodedInt64(low);
            before = use.Quota;
        }

        return bytes.ToArray();
    }

    /// <exception cref="InvalidDataException">They are of another version.</exception>
    public static IEnumerable<QuotaGrown> Read(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
        if (reader.ReadByte() is var version && version != Version) throw new InvalidDataException($"Growth of quotas of version {version} is from a newer release of the service; start that one.");
        for (var quota = ""; reader.BaseStream.Position < bytes.Length;)
        {
            if (reader.ReadString() is { Length: > 0 } named) quota = named;
            var (start, component, isPeak) = (reader.Read7BitEncodedInt64(), reader.ReadString(), reader.ReadBoolean());
            yield return new QuotaGrown(quota, start, component, isPeak, QuotaMath.Join(reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt64()));
        }
    }
}
