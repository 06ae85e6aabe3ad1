namespace Metering.Service.Reports;

/// <summary>Something that usage can be grouped by or filtered on.</summary>
/// <param name="Name">As in the API: <c>tenant</c>, <c>label:env</c>.</param>
/// <param name="Sql">Its expression over workload <c>w</c> and ownership <c>o</c>.</param>
/// <param name="NeedsOwner">True when the expression needs the ownership join.</param>
/// <param name="Latest">For what changes over time, where <paramref name="Sql"/> needs the version <c>f</c> that held at the bucket: the expression of the latest value, over <c>w</c> only.</param>
internal sealed record Dimension(string Name, string Sql, bool NeedsOwner, string? Latest = null)
{
    public bool NeedsVersion => Latest is not null;

    public static readonly IReadOnlyList<string> Names = ["tenant", "project", "host", "kind", "workload", "label:NAME"];

    /// <summary>Finds a dimension by name; label names are 1 to 63 letters, digits, '_', '-', '.' or '/'.</summary>
    public static bool TryFind(string name, bool postgres, out Dimension dimension)
    {
        dimension = name switch
        {
            "tenant" => new Dimension(name, "COALESCE(o.tenant, 'unattributed')", true),
            "project" => new Dimension(name, "COALESCE(o.project, '')", true),
            "host" => new Dimension(name, "w.host", false),
            "kind" => new Dimension(name, "w.kind", false),
            "name" => new Dimension(name, "COALESCE(f.name, w.name)", false, "w.name"),
            "path" => new Dimension(name, "w.path", false),
            "workload" => new Dimension(name, "w.id", false),
            _ => null!,
        };
        if (dimension is not null) return true;
        if (!name.StartsWith("label:", StringComparison.Ordinal)) return false;
        var label = name[6..];
        if (label.Length is 0 or > 63 || !label.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '/')) return false;
        dimension = new Dimension(name, Label("COALESCE(f.labels, w.labels)"), false, Label("w.labels"));
        return true;

        string Label(string json) => postgres ? $"COALESCE(({json})::jsonb ->> '{label}', '')" : $"COALESCE(json_extract({json}, '$.\"{label}\"'), '')";
    }
}
