using System.Globalization;
using System.Text;
using Metering.Exposition;

namespace Metering.Tests.Exposition;

/// <summary>
/// Reads an exposition and refuses everything that the two specifications forbid: it is written from them, not from the exporter.
/// </summary>
internal sealed class StrictParser
{
    private readonly ExpositionFormat format;
    private readonly HashSet<string> closed = [];
    private readonly Dictionary<string, string> types = [];
    private readonly HashSet<string> samplesOfOthers = [];
    private readonly Dictionary<string, double> samples = [];
    private string? family;
    private readonly HashSet<string> described = [];

    private StrictParser(ExpositionFormat format) => this.format = format;

    private bool OpenMetrics => format == ExpositionFormat.OpenMetrics;

    /// <summary>Value by <c>name{label="raw value",…}</c>, labels sorted by name.</summary>
    public IReadOnlyDictionary<string, double> Samples => samples;

    /// <summary>Type by family name, as declared.</summary>
    public IReadOnlyDictionary<string, string> Types => types;

    public static StrictParser Parse(string text, ExpositionFormat format)
    {
        var parser = new StrictParser(format);
        Require(text.EndsWith('\n'), "the last line ends in LF");
        Require(!text.Contains('\r'), "no CR");
        Require(text[0] != '\uFEFF', "no byte order mark");
        var lines = text.Split('\n')[..^1];
        for (var i = 0; i < lines.Length; i++)
        {
            try
            {
                if (parser.OpenMetrics && i == lines.Length - 1)
                {
                    Require(lines[i] == "# EOF", "OpenMetrics ends in # EOF");
                    break;
                }

                parser.Line(lines[i]);
            }
            catch (FormatException exception)
            {
                throw new FormatException($"line {i + 1}: {exception.Message}: {lines[i]}", exception);
            }
        }

        parser.CheckHistograms();
        return parser;
    }

    private static void Require(bool condition, string rule)
    {
        if (!condition) throw new FormatException(rule);
    }

    private void Line(string line)
    {
        Require(line.Length > 0, "no empty line");
        if (line[0] == '#') Meta(line);
        else Sample(line);
    }

    private void Meta(string line)
    {
        var parts = line.Split(' ', 4);
        Require(parts.Length == 4 && parts[0] == "#", "# KEYWORD name text");
        var (keyword, name, text) = (parts[1], parts[2], parts[3]);
        Name(name, colon: true);
        if (family != name)
        {
            if (family is not null) Require(closed.Add(family), $"family {family} closes once");
            Require(!closed.Contains(name) && !types.ContainsKey(name), $"family {name} is contiguous");
            family = name;
            described.Clear();
        }

        Require(described.Add(keyword), $"one {keyword} in a family");
        Require(!described.Contains("sample"), "metadata before samples");
        switch (keyword)
        {
            case "HELP": Escapes(text, quotes: OpenMetrics); break;
            case "TYPE":
                Require(text is "counter" or "gauge" or "histogram", "known type");
                if (!OpenMetrics && text == "counter") Require(name.EndsWith("_total"), "a counter ends in _total");
                if (OpenMetrics && text == "counter") Require(!name.EndsWith("_total"), "an OpenMetrics counter family does not end in _total");
                types.Add(name, text);
                foreach (var sample in SampleNames(name, text)) Require(samplesOfOthers.Add(sample), $"the sample name {sample} belongs to one family");
                break;
            case "UNIT":
                Require(OpenMetrics, "UNIT is OpenMetrics");
                Require(text.Length > 0 && name.EndsWith("_" + text), "the name ends in its unit");
                break;
            default: throw new FormatException("unknown keyword");
        }
    }

    private void Sample(string line)
    {
        var position = 0;
        while (position < line.Length && line[position] is not ('{' or ' ')) position++;
        var name = line[..position];
        Name(name, colon: true);
        Require(family is not null && types.ContainsKey(family), "samples follow a TYPE");
        var type = types[family!];
        Require(SampleNames(family!, type).Contains(name), $"the sample belongs to the family {family}");
        described.Add("sample");
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (line[position] == '{')
        {
            position++;
            while (true)
            {
                var start = position;
                while (position < line.Length && line[position] != '=') position++;
                var label = line[start..position];
                Name(label, colon: false);
                Require(line[position..].StartsWith("=\""), "label=\"");
                position += 2;
                var value = new StringBuilder();
                while (line[position] != '"')
                {
                    if (line[position] == '\\')
                    {
                        position++;
                        value.Append(line[position] switch { 'n' => '\n', '\\' => '\\', '"' => '"', _ => throw new FormatException("unknown escape") });
                    }
                    else
                    {
                        Require(!char.IsControl(line[position]) || line[position] == '\t', "no control character");
                        value.Append(line[position]);
                    }

                    position++;
                }

                position++;
                Require(value.Length > 0, "an empty label is no label");
                Require(labels.TryAdd(label, value.ToString()), $"label {label} once");
                if (line[position] == ',')
                {
                    position++;
                    continue;
                }

                Require(line[position] == '}', "} or ,");
                position++;
                break;
            }
        }

        Require(line[position] == ' ', "one space before the value");
        var number = Number(line[(position + 1)..]);
        if (type != "gauge") Require(!double.IsNaN(number) && number >= 0, "a counter is a number from zero up");
        var key = $"{name}{{{string.Join(",", labels.Select(label => $"{label.Key}=\"{label.Value}\""))}}}";
        Require(samples.TryAdd(key, number), $"series {key} once");
        if (name.EndsWith("_bucket") && type == "histogram") Bucket(labels);
    }

    private void Bucket(SortedDictionary<string, string> labels)
    {
        Require(labels.TryGetValue("le", out var bound), "a bucket has a bound");
        if (OpenMetrics) Require(bound == "+Inf" || bound!.Contains('.') || bound.Contains('e'), "an OpenMetrics bound is floating point");
        Number(bound!);
    }

    private void CheckHistograms()
    {
        foreach (var (name, _) in types.Where(type => type.Value == "histogram"))
        {
            var last = new Dictionary<string, (double Bound, double Count)>();
            foreach (var (key, value) in samples.Where(sample => sample.Key.StartsWith(name + "_bucket{")))
            {
                var (rest, bound) = Split(key[(name.Length + "_bucket".Length)..]);
                if (last.TryGetValue(rest, out var before))
                {
                    Require(bound > before.Bound, $"{key}: bounds rise");
                    Require(value >= before.Count, $"{key}: counts rise");
                }

                last[rest] = (bound, value);
            }

            foreach (var (rest, (bound, count)) in last)
            {
                Require(double.IsPositiveInfinity(bound), $"{name}{rest}: the last bucket is +Inf");
                Require(samples.TryGetValue(name + "_count" + rest, out var total) && total == count, $"{name}{rest}: +Inf equals _count");
                Require(samples.ContainsKey(name + "_sum" + rest), $"{name}{rest}: there is a _sum");
            }
        }
    }

    // The labels other than the bound, and the bound. Label values in histograms under test hold no 'le="'.
    private static (string Others, double Bound) Split(string labels)
    {
        var start = labels.IndexOf("le=\"", StringComparison.Ordinal);
        var end = labels.IndexOf('"', start + 4);
        var bound = Number(labels[(start + 4)..end]);
        var rest = labels[..start].TrimEnd(',') + labels[(end + 1)..];
        return (rest.Replace("{,", "{"), bound);
    }

    private IEnumerable<string> SampleNames(string name, string type) => type switch
    {
        "counter" => [OpenMetrics ? name + "_total" : name],
        "histogram" => [name + "_bucket", name + "_sum", name + "_count"],
        _ => [name],
    };

    private static void Name(string name, bool colon)
    {
        Require(name.Length > 0 && !char.IsAsciiDigit(name[0]), "a name does not begin with a digit");
        Require(name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_' || (colon && c == ':')), "a name is letters, digits and _");
        Require(colon || !name.StartsWith("__"), "a label does not begin with __");
    }

    private static void Escapes(string text, bool quotes)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (quotes) Require(text[i] != '"', "a quote in HELP is escaped");
            if (text[i] != '\\') continue;
            i++;
            Require(i < text.Length && (text[i] is 'n' or '\\' || (quotes && text[i] == '"')), "known escape in HELP");
        }
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ when text.Length > 0 && text.All(c => char.IsAsciiDigit(c) || c is '.' or '-' or '+' or 'e') => double.Parse(text, CultureInfo.InvariantCulture),
        _ => throw new FormatException($"'{text}' is a number"),
    };
}
