using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Metering.Benchmarks;

/// <summary>What a scenario found, as a table for people or as JSON.</summary>
internal sealed class Report(string scenario)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public List<Measure> Measures { get; } = [];

    public List<Check> Checks { get; } = [];

    public List<string> Notes { get; } = [];

    /// <summary>Tables made for the README; without any, Markdown shows the measures.</summary>
    public List<MarkdownTable> Tables { get; } = [];

    /// <summary>Every check holds. A missed target is a finding, not a failure: machines differ.</summary>
    public bool Holds => Checks.TrueForAll(check => check.Holds);

    public void Add(string name, string unit, IEnumerable<double> samples, double? target = null, bool atMost = false) =>
        Measures.Add(new Measure(name, unit, [.. samples], target, atMost));

    public string ToJson() => JsonSerializer.Serialize(new
    {
        scenario,
        processors = Environment.ProcessorCount,
        measures = Measures.Select(m => new { m.Name, m.Unit, m.Min, m.Median, m.Max, m.Target, m.AtMost, m.Met, m.Samples }),
        checks = Checks,
        notes = Notes,
    }, Json);

    public string ToText()
    {
        var rows = new List<string[]> { (string[])["", "unit", "min", "median", "max", "target", ""] };
        foreach (var measure in Measures)
        {
            var target = measure.Target is { } value ? (measure.AtMost ? "<= " : ">= ") + Figure(value) : "";
            rows.Add([measure.Name, measure.Unit, Figure(measure.Min), Figure(measure.Median), Figure(measure.Max), target, measure.Met switch { true => "met", false => "MISSED", null => "" }]);
        }

        var widths = Enumerable.Range(0, 7).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            var cells = row.Select((cell, i) => i is >= 2 and <= 5 ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
            text.AppendLine(string.Join("  ", cells).TrimEnd());
        }

        foreach (var check in Checks) text.AppendLine(CultureInfo.InvariantCulture, $"{(check.Holds ? "holds" : "FAILS")}  {check.Name}: {check.Detail}");
        foreach (var table in Tables) text.AppendLine().Append(table);
        foreach (var note in Notes) text.AppendLine(CultureInfo.InvariantCulture, $"note   {note}");
        return text.ToString();
    }

    public string ToMarkdown()
    {
        if (Tables.Count > 0) return string.Join('\n', Tables.Select(table => table.ToString()));
        var all = new MarkdownTable(scenario, "unit", "median (min–max)", "target");
        foreach (var measure in Measures)
            all.Add(measure.Name, measure.Unit, Spread(measure), measure.Target is { } value ? (measure.AtMost ? "≤ " : "≥ ") + Figure(value) + (measure.Met == true ? "" : ", missed") : "");
        return all.ToString();
    }

    /// <summary><c>1.4 (1.3–1.6)</c>; one sample alone has no spread.</summary>
    public static string Spread(Measure measure) =>
        measure.Samples.Length == 1 ? Figure(measure.Median) : $"{Figure(measure.Median)} ({Figure(measure.Min)}–{Figure(measure.Max)})";

    public static string Figure(double value) => Math.Abs(value) switch
    {
        >= 1000 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        0 => "0",
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}
