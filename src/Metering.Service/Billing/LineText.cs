using System.Text.RegularExpressions;
using Metering.Meters;

namespace Metering.Service.Billing;

/// <summary>
/// What a line is of, as people read it: <c>cpuSeconds in Core-Hours</c> is "CPU time, core-hours". For the invoice as page and workbook; charges, JSON and CSV keep the name of the SKU, which is a contract.
/// </summary>
internal static partial class LineText
{
    private static readonly Dictionary<string, string> Names = MeterCatalogue.All.ToDictionary(meter => meter.Name, NameOf, StringComparer.Ordinal);

    /// <summary>The text with the meter and its unit in words, wherever they stand in it; what names no meter stays as it is.</summary>
    public static string Of(string text) => Sku().Replace(text, match => Names.TryGetValue(match.Groups["meter"].Value, out var name) ? $"{name}, {Unit(match.Groups["unit"].Value)}" : match.Value);

    // Abbreviations are written as they are: GiB-hours, and not gib-hours.
    private static string Unit(string name) => string.Join('-', name.Split('-').Select(word => word.Length > 2 && word.Skip(1).All(char.IsAsciiLetterLower) ? word.ToLowerInvariant() : word));

    private static string NameOf(Meter meter) => meter == MeterCatalogue.Cpu ? "CPU time" : MeterTitle.Of(meter);

    [GeneratedRegex("\\b(?<meter>[a-z]+[A-Z][A-Za-z]*) in (?<unit>[A-Za-z]+(?:-[A-Za-z]+)*)")]
    private static partial Regex Sku();
}
