namespace Metering.Agent.Workloads;

/// <summary>The fields of one rule of a file, made into the rule; every fault is told with its line.</summary>
internal sealed class RuleFields(string file, int line, Dictionary<string, (string Value, int Line)> fields, Dictionary<string, string> labels, List<string> faults)
{
    private const int MaxTextLength = 4096;
    private static readonly string[] Known = ["name", "kind", "match", "id", "displayName", "layer", "fromRoot", "overhead", "whole"];

    /// <summary>Null when something is wrong.</summary>
    public WorkloadRule? Rule()
    {
        var before = faults.Count;
        foreach (var (name, (value, at)) in fields)
        {
            if (!Known.Contains(name)) Fault(at, $"the field '{name}' is unknown; there may be {string.Join(", ", Known)}, labels.");
            else if (value.Length > MaxTextLength) Fault(at, $"'{name}' is longer than {MaxTextLength} characters; shorten it.");
        }

        foreach (var name in (string[])["name", "kind", "match"])
        {
            if (Value(name) is null) Fault(line, $"'{name}' is missing.");
        }

        if (Value("kind") is { } kind && (kind.Length > 64 || !kind.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')))
            Fault(fields["kind"].Line, $"kind '{kind}' is 1 to 64 of a-z, 0-9 and '-'.");
        if (labels.Count > 32) Fault(line, "there are more than 32 labels.");
        var rule = faults.Count > before ? null : new WorkloadRule
        {
            Name = Value("name")!,
            Kind = Value("kind")!,
            Match = Value("match")!,
            Id = Value("id"),
            DisplayName = Value("displayName"),
            Layer = Layer(),
            FromRoot = Flag("fromRoot", false),
            Overhead = Flag("overhead", false),
            Whole = Flag("whole", true),
            Labels = labels,
        };
        return faults.Count > before ? null : rule;
    }

    private string? Value(string name) => fields.TryGetValue(name, out var field) && field.Value.Length > 0 ? field.Value : null;

    private bool Flag(string name, bool otherwise)
    {
        if (Value(name) is not { } value) return otherwise;
        if (value is "true" or "false") return value == "true";
        Fault(fields[name].Line, $"'{name}' is '{value}'; it is true or false.");
        return otherwise;
    }

    private RuleLayer Layer()
    {
        var value = Value("layer");
        if (value is null or "container") return RuleLayer.Container;
        if (value != "unit") Fault(fields["layer"].Line, $"the layer '{value}' is unknown; it is container or unit.");
        return RuleLayer.Unit;
    }

    private void Fault(int at, string message) => faults.Add($"{file}:{at}: rule '{Value("name") ?? "without a name"}': {message}");
}
