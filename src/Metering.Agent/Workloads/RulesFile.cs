using System.Text;
using Metering.Safety;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Metering.Agent.Workloads;

/// <summary>
/// An operator's rules for cgroup paths, as YAML: <c>rules</c> is a list of the fields of <see cref="WorkloadRule"/>, <c>walkedUnits</c> one of unit names that hold workloads of others.
/// Read event by event: an alias, which could stand for a document without end, is refused, and nothing is nested deeper than a rule's labels.
/// </summary>
internal sealed class RulesFile
{
    // The linear engine takes 0.7 MiB per rule.
    private const int MaxRules = 200, MaxUnits = 1000, MaxBytes = 1 << 20, MaxFaults = 20;

    private readonly string _file;
    private readonly List<string> _faults = [];
    private readonly List<(WorkloadRule Rule, int Line)> _rules = [];
    private readonly List<string> _units = [];

    private RulesFile(string file) => _file = file;

    /// <summary>The built-in rules, behind those of a file if there is one. Throws <see cref="UserErrorException"/> (exit 2) with every fault: file, line, rule and remedy.</summary>
    public static WorkloadRecogniser Recogniser(string? file)
    {
        if (file is null) return new WorkloadRecogniser();
        return Parse(ReadText(file), file);
    }

    /// <summary>The recogniser of a file's text.</summary>
    /// <param name="file">Its name, for errors.</param>
    internal static WorkloadRecogniser Parse(string text, string file)
    {
        var reading = new RulesFile(file);
        reading.Read(text);
        reading.Check();
        if (reading._faults.Count == 0) return new WorkloadRecogniser([.. reading._rules.Select(rule => rule.Rule)], reading._units);
        throw new UserErrorException(string.Join('\n', reading._faults), exitCode: 2);
    }

    private static string ReadText(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[MaxBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxBytes) throw Wrong($"{file}: it is longer than 1 MiB; a file of rules is a few KiB, check Agent:RulesFile.");
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            throw Wrong($"{file}: it is no text in UTF-8; a file of rules is YAML, check Agent:RulesFile.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Wrong($"{file}: the file of rules can not be read ({e.Message}); check Agent:RulesFile and the file's mode.");
        }
    }

    private static UserErrorException Wrong(string message) => new(message, exitCode: 2);

    private void Read(string text)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.TryConsume<StreamEnd>(out _)) return;
            parser.Consume<DocumentStart>();
            if (parser.Current is Scalar { Value: "" }) parser.MoveNext();
            else if (parser.TryConsume<MappingStart>(out _)) ReadTop(parser);
            else Fault(parser, "the file has no 'rules:' at its top; see README, Recognised systems.");
            if (_faults.Count > 0) return;
            parser.Consume<DocumentEnd>();
            if (parser.Current is DocumentStart) Fault(parser, "there is a second YAML document; put all rules into one.");
        }
        catch (YamlException e)
        {
            _faults.Add($"{_file}:{e.Start.Line}: this is no YAML: {e.InnerException?.Message ?? e.Message}");
        }
    }

    private void ReadTop(IParser parser)
    {
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = Text(parser, "a key");
            if (key is null) return;
            if (key is not ("rules" or "walkedUnits"))
            {
                Fault(parser, $"'{key}' is unknown; at the top there may be rules, walkedUnits.");
                return;
            }

            if (parser.Current is Scalar { Value: "" or "~" or "null" })
            {
                parser.MoveNext();
                continue;
            }

            if (!parser.TryConsume<SequenceStart>(out _))
            {
                Fault(parser, $"'{key}' is no list; begin each entry with '- '.");
                return;
            }

            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                if (_faults.Count >= MaxFaults) return;
                if (!(key == "rules" ? ReadRule(parser) : ReadUnit(parser))) return;
            }
        }
    }

    private bool ReadUnit(IParser parser)
    {
        if (Text(parser, "a unit") is not { } unit) return false;
        if (unit.Length is 0 or > 256) Fault(parser, "a unit is 1 to 256 characters, such as batch@*.service.");
        if (_units.Count >= MaxUnits) Fault(parser, $"there are more than {MaxUnits} walkedUnits; use '*'.");
        _units.Add(unit);
        return _units.Count <= MaxUnits;
    }

    private bool ReadRule(IParser parser)
    {
        var line = Line(parser);
        if (!parser.TryConsume<MappingStart>(out _))
        {
            Fault(parser, "a rule is a list of fields such as name, kind, match.");
            return false;
        }

        var fields = new Dictionary<string, (string Value, int Line)>(StringComparer.Ordinal);
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var at = Line(parser);
            if (Text(parser, "a field") is not { } field) return false;
            if (field == "labels")
            {
                if (!ReadLabels(parser, labels)) return false;
                continue;
            }

            if (Text(parser, $"the value of '{field}'") is not { } value) return false;
            if (!fields.TryAdd(field, (value, at))) _faults.Add($"{_file}:{at}: the field '{field}' is there twice; remove one.");
        }

        if (_rules.Count >= MaxRules)
        {
            _faults.Add($"{_file}:{line}: there are more than {MaxRules} rules; join some by '|' in their match.");
            return false;
        }

        if (new RuleFields(_file, line, fields, labels, _faults).Rule() is { } rule) _rules.Add((rule, line));
        return true;
    }

    private bool ReadLabels(IParser parser, Dictionary<string, string> labels)
    {
        if (!parser.TryConsume<MappingStart>(out _))
        {
            Fault(parser, "'labels' is no list of NAME: VALUE.");
            return false;
        }

        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (Text(parser, "a label") is not { } key || Text(parser, $"the value of label '{key}'") is not { } value) return false;
            labels[key] = value;
        }

        return true;
    }

    private string? Text(IParser parser, string what)
    {
        if (parser.TryConsume<Scalar>(out var scalar)) return scalar.Value;
        Fault(parser, parser.Current is AnchorAlias ? $"{what} is an alias (*…); write it out." : $"{what} must be a text.");
        return null;
    }

    // What a rule says by itself is right here; now whether its expression compiles, and whether the names are unique.
    private void Check()
    {
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (rule, line) in _rules)
        {
            if (BuiltInRules.All.Any(known => known.Name == rule.Name))
                _faults.Add($"{_file}:{line}: rule '{rule.Name}': a built-in rule has this name; take another, yours stands before it all the same.");
            else if (!lines.TryAdd(rule.Name, line))
                _faults.Add($"{_file}:{line}: rule '{rule.Name}': line {lines[rule.Name]} has a rule of this name; rename one.");
            try
            {
                _ = new CompiledRule(rule, linear: true);
            }
            catch (UserErrorException e)
            {
                _faults.Add($"{_file}:{line}: {e.Message}");
            }
        }
    }

    private void Fault(IParser parser, string message) => _faults.Add($"{_file}:{Line(parser)}: {message}");

    private static int Line(IParser parser) => (int)(parser.Current?.Start.Line ?? 0);
}
