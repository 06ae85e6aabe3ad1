using System.Globalization;
using System.Text;

namespace Metering.Tests.LineProtocol;

/// <summary>Reads line protocol by the letter of the format, as the strictest server would; what it does not allow throws <see cref="FormatException"/>.</summary>
internal static class LineParser
{
    public static ParsedLine Parse(string line)
    {
        if (line.Length == 0 || line.Contains('\n') || line[0] is '#' or ' ' or ',') throw new FormatException("no line: " + line);
        var at = 0;
        var measurement = Word(line, ref at, stop: ", ", escapable: ", ");
        var tags = new SortedDictionary<string, string>(StringComparer.Ordinal);
        while (line[at] == ',')
        {
            at++;
            var key = Word(line, ref at, "=", ",= ");
            at++;
            var value = Word(line, ref at, ", ", ",= ");
            if (!tags.TryAdd(key, value)) throw new FormatException("a tag twice: " + line);
        }

        var fields = new SortedDictionary<string, object>(StringComparer.Ordinal);
        do
        {
            at++;
            var key = Word(line, ref at, "=", ",= ");
            at++;
            var end = line.IndexOfAny([',', ' '], at);
            if (end < 0) throw new FormatException("no time: " + line);
            fields.Add(key, Value(line[at..end]));
            at = end;
        }
        while (line[at] == ',');

        return new ParsedLine(measurement, tags, fields, long.Parse(line.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }

    // To the first of the stops that no backslash stands before. An equals sign that is not escaped belongs to a measurement and to nothing else.
    private static string Word(string line, ref int at, string stop, string escapable)
    {
        var word = new StringBuilder();
        for (; at < line.Length && !stop.Contains(line[at]); at++)
        {
            if (line[at] < ' ' || (escapable.Contains(line[at]) && line[at] != '\\')) throw new FormatException($"'{line[at]}' is not escaped at {at}: {line}");
            if (line[at] == '\\' && at + 1 < line.Length && escapable.Contains(line[at + 1])) at++;
            word.Append(line[at]);
        }

        if (at == line.Length || word.Length == 0 || word[^1] == '\\') throw new FormatException($"a word ends wrongly at {at}: {line}");
        return word.ToString();
    }

    private static object Value(string text)
    {
        if (text.EndsWith('i')) return long.Parse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var number = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? number : throw new FormatException("no number: " + text);
    }
}
