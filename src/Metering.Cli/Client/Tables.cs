using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace Metering.Cli.Client;

/// <summary>Shows rows to people: aligned columns, inert whatever the names hold.</summary>
internal static partial class Tables
{
    /// <summary>Less of a cell tells nothing.</summary>
    private const int NarrowestCell = 12;

    public static void Write(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows, ISet<int>? rightAligned = null) =>
        Write(Console.Out, Console.IsOutputRedirected ? null : AnsiConsole.Profile.Width, header, rows, rightAligned, Tint.IsOn);

    /// <summary>As wide as it has to be when <paramref name="width"/> (columns of the terminal) is null; else the widest columns are cut, so that one long name does not hide the rest.</summary>
    internal static void Write(TextWriter output, int? width, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows, ISet<int>? rightAligned = null, bool colour = false)
    {
        var cells = rows.Select(row => row.Select(cell => Readable(Inert(cell))).ToArray()).ToList();
        var widths = header.Select((name, i) => Math.Max(name.Length, cells.Count == 0 ? 0 : cells.Max(row => row[i].Length))).ToArray();

        // A border is at most two columns of spaces and a line between two cells.
        var spare = 3 * (header.Count + 1);
        while (width is { } most && widths.Sum() + spare > most && widths.Max() > NarrowestCell) widths[Array.IndexOf(widths, widths.Max())]--;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = colour ? AnsiSupport.Yes : AnsiSupport.No, ColorSystem = colour ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors });
        console.Profile.Width = Math.Max(width ?? 0, widths.Sum() + spare);
        var table = new Table { Border = width is null ? TableBorder.None : TableBorder.Simple };
        for (var i = 0; i < header.Count; i++)
        {
            var column = new TableColumn(Coloured(colour ? "bold" : null, Cut(header[i], widths[i]))) { NoWrap = true };
            table.AddColumn(rightAligned?.Contains(i) == true ? column.RightAligned() : column);
        }

        foreach (var row in cells) table.AddRow(row.Select((cell, i) => Coloured(colour ? Tint.Of(cell) : null, Cut(cell, widths[i]))).ToArray());
        console.Write(table);
    }

    private static string Coloured(string? style, string text) => style is null ? Markup.Escape(text) : $"[{style}]{Markup.Escape(text)}[/]";

    // The end of a path tells more than its middle.
    private static string Cut(string text, int width) => text.Length <= width ? text : string.Concat(text.AsSpan(0, width / 3), "…", text.AsSpan(text.Length - (width - width / 3 - 1)));

    /// <summary>Names and values below each other; what people read once.</summary>
    public static void WriteFacts(TextWriter output, IEnumerable<(string Name, string Value)> facts)
    {
        var rows = facts.Where(fact => fact.Value.Length > 0).ToList();
        var width = rows.Count == 0 ? 0 : rows.Max(fact => fact.Name.Length);
        foreach (var (name, value) in rows) output.WriteLine($"  {name.PadRight(width)}  {Readable(Inert(value))}");
    }

    // An instant to the second: JSON and CSV have it as it is.
    private static string Readable(string text) => Instant().Replace(text, "${day} ${time}Z");

    [GeneratedRegex(@"\b(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|\+00:00)(?![0-9:])", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Instant();

    /// <summary>Rows as CSV (RFC 4180), safe to open in a spreadsheet: a text that would be a formula is led by an apostrophe.</summary>
    public static void WriteCsv(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        Console.Out.Write(string.Join(',', header) + "\r\n");
        foreach (var row in rows) Console.Out.Write(string.Join(',', row.Select(CsvField)) + "\r\n");
    }

    internal static string CsvField(string text)
    {
        if (text.Length > 0 && "=+-@\t\r".Contains(text[0]) && !decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)) text = "'" + text;
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : "\"" + text.Replace("\"", "\"\"") + "\"";
    }

    /// <summary>Control characters, such as those of an ANSI escape in a name, and those that turn the direction of writing, are shown and not obeyed.</summary>
    public static string Inert(string text) => text.Any(IsActive) ? string.Concat(text.Select(c => !IsActive(c) ? c.ToString() : c < 0x100 ? $"\\x{(int)c:x2}" : $"\\u{(int)c:x4}")) : text;

    private static bool IsActive(char c) => char.IsControl(c) || c is '\u061c' or '\u200e' or '\u200f' or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    public static string Text(JsonElement element, string property) => element.TryGetProperty(property, out var value) ? Text(value) : "";

    public static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => "",
        JsonValueKind.String => value.GetString() ?? "",
        JsonValueKind.Array => string.Join(", ", value.EnumerateArray().Select(Text)),
        _ => value.GetRawText(),
    };

    /// <summary>A quantity with digits grouped, at most three decimals.</summary>
    public static string Number(JsonElement element, string property) =>
        element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDecimal().ToString("#,##0.###", CultureInfo.InvariantCulture) : "";

    /// <summary>Bytes for people; exact figures are in JSON and CSV.</summary>
    public static string Bytes(JsonElement element, string property)
    {
        if (!element.TryGetProperty(property, out var value) || value.ValueKind != JsonValueKind.Number) return "";
        return Bytes(value.GetDecimal());
    }

    public static string Bytes(decimal bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        var unit = 0;
        while (bytes >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return bytes.ToString(unit == 0 ? "0" : "0.##", CultureInfo.InvariantCulture) + " " + units[unit];
    }
}
