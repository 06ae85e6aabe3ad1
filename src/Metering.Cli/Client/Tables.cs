using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Metering.Cli.Client;

/// <summary>Shows rows to people: aligned columns, inert whatever the names hold.</summary>
internal static class Tables
{
    public static void Write(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows, ISet<int>? rightAligned = null)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        if (Console.IsOutputRedirected) console.Profile.Width = 4096;
        var table = new Table { Border = Console.IsOutputRedirected ? TableBorder.None : TableBorder.Simple };
        for (var i = 0; i < header.Count; i++)
        {
            var column = new TableColumn(Markup.Escape(header[i])) { NoWrap = true };
            table.AddColumn(rightAligned?.Contains(i) == true ? column.RightAligned() : column);
        }

        foreach (var row in rows) table.AddRow(row.Select(cell => Markup.Escape(Inert(cell))).ToArray());
        console.Write(table);
    }

    /// <summary>Control characters, such as those of an ANSI escape in a name, are shown and not obeyed.</summary>
    public static string Inert(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : c.ToString())) : text;

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
        var bytes = value.GetDecimal();
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
