using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Metering.Agent.Workloads;

/// <summary>
/// Cgroup names as text. Any byte but '/', NUL and newline may be in one, and whoever may make a cgroup chooses it;
/// what leaves here can be printed, logged and exported without changing lines or hiding what it says.
/// </summary>
internal static class CgroupText
{
    /// <summary>
    /// Undoes systemd's <c>\xNN</c> (systemd.unit(5), "String escaping for inclusion in unit names"), component by component;
    /// what is no valid escape stays as written.
    /// </summary>
    public static string Unescape(string text)
    {
        if (!text.Contains(@"\x", StringComparison.Ordinal)) return text;
        return string.Join('/', text.Split('/').Select(UnescapeComponent));
    }

    /// <summary>The text with control, format and separator characters and lone surrogates as the <c>\xNN</c> of their bytes.</summary>
    public static string Printable(string text)
    {
        if (IsPrintable(text)) return text;
        var printable = new StringBuilder(text.Length + 16);
        Span<byte> utf8 = stackalloc byte[4];
        for (var at = 0; at < text.Length;)
        {
            // A byte that is no text, as CgroupName keeps it; as U+FFFD all of them would look alike, and two workloads would be one.
            if (text[at] is >= (char)0xDC80 and <= (char)0xDCFF && (at == 0 || !char.IsHighSurrogate(text[at - 1])))
            {
                printable.Append(CultureInfo.InvariantCulture, $@"\x{text[at++] - 0xDC00:x2}");
                continue;
            }

            var status = Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var consumed);
            if (status == System.Buffers.OperationStatus.Done && IsPrintable(rune)) printable.Append(text, at, consumed);
            else foreach (var one in utf8[..rune.EncodeToUtf8(utf8)]) printable.Append(CultureInfo.InvariantCulture, $@"\x{one:x2}");
            at += consumed;
        }

        return printable.ToString();
    }

    private static bool IsPrintable(string text)
    {
        // Nearly every path is plain ASCII, so the table of categories is rarely asked.
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0) return true;
        for (var at = 0; at < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var consumed) != System.Buffers.OperationStatus.Done) return false;
            if (!IsPrintable(rune)) return false;
            at += consumed;
        }

        return true;
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string UnescapeComponent(string component)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(component.Length)];
        var length = 0;
        for (var at = 0; at < component.Length;)
        {
            if (TryReadEscape(component.AsSpan(at), out bytes[length]))
            {
                length++;
                at += 4;
                continue;
            }

            Rune.DecodeFromUtf16(component.AsSpan(at), out var rune, out var consumed);
            length += rune.EncodeToUtf8(bytes.AsSpan(length));
            at += consumed;
        }

        // Bytes that are no text would all become the same U+FFFD, and two names one.
        return Utf8.IsValid(bytes.AsSpan(0, length)) ? Encoding.UTF8.GetString(bytes, 0, length) : component;
    }

    private static bool TryReadEscape(ReadOnlySpan<char> text, out byte value)
    {
        value = 0;
        return text.Length >= 4 && text[0] == '\\' && text[1] == 'x'
            && byte.TryParse(text[2..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
