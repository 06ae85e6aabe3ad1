using System.Text;

namespace Metering.LineProtocol;

/// <summary>
/// Names and tag values as line protocol has them: comma and space are escaped with a backslash, in tags and field keys the equals sign too
/// (https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/). What the format can not hold is replaced by a character that looks like it, so that two names stay two:
/// line breaks and other controls by their pictures (U+2400 …), and a backslash by U+FF3C where servers disagree on it: before an escaped character, before another backslash, and at the end.
/// </summary>
internal static class LineText
{
    private const char FullWidthBackslash = '\uFF3C';

    public static void AppendMeasurement(StringBuilder line, string name) => Append(line, name, equalsToo: false);

    public static void AppendTag(StringBuilder line, string text) => Append(line, text, equalsToo: true);

    /// <summary>What a server has after reading the line: the text with replacements and without escapes.</summary>
    public static string Stored(string text)
    {
        var stored = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++) stored.Append(Kept(text, i));
        return stored.ToString();
    }

    private static void Append(StringBuilder line, string text, bool equalsToo)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var c = Kept(text, i);
            if (c is ',' or ' ' || (c == '=' && equalsToo)) line.Append('\\');
            line.Append(c);
        }
    }

    private static char Kept(string text, int i) => text[i] switch
    {
        '\\' when i + 1 == text.Length || text[i + 1] is ',' or ' ' or '=' or '\\' or '"' => FullWidthBackslash,
        < ' ' and var control => (char)('\u2400' + control),
        '\u007F' => '\u2421',
        var c when char.IsSurrogate(c) && !IsPaired(text, i) => '\uFFFD',
        var c => c,
    };

    private static bool IsPaired(string text, int i) =>
        char.IsHighSurrogate(text[i]) ? i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) : i > 0 && char.IsHighSurrogate(text[i - 1]);
}
