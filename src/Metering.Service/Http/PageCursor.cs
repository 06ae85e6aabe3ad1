using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Metering.Service.Http;

/// <summary>Where a page of a list ended that is ordered by an instant and an id: what comes after is found by an index, however long the list is and whatever came to its beginning meanwhile.</summary>
internal readonly record struct PageCursor(long At, string Id)
{
    /// <summary>Opaque to whoever gets it.</summary>
    public string Write() => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(At.ToString(CultureInfo.InvariantCulture) + ":" + Id));

    /// <summary>False: it is none of ours. Empty or null is the beginning, <paramref name="cursor"/> null.</summary>
    public static bool TryRead(string? text, out PageCursor? cursor)
    {
        cursor = null;
        if (string.IsNullOrEmpty(text)) return true;
        if (text.Length > 2_000 || !Base64Url.IsValid(text)) return false;
        var plain = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text));
        var cut = plain.IndexOf(':', StringComparison.Ordinal);
        if (cut < 0 || plain.Contains('\0', StringComparison.Ordinal) || !long.TryParse(plain.AsSpan(0, cut), NumberStyles.None, CultureInfo.InvariantCulture, out var at)) return false;
        cursor = new PageCursor(at, plain[(cut + 1)..]);
        return true;
    }
}
