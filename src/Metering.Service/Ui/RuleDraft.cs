using System.Globalization;
using Metering.Service.Tenants;

namespace Metering.Service.Ui;

/// <summary>An ownership rule that is being written: texts as they stand in the form.</summary>
internal sealed class RuleDraft
{
    public string? Path { get; set; }

    public string? Kind { get; set; }

    public string? Name { get; set; }

    public string? Host { get; set; }

    public string? User { get; set; }

    /// <summary><c>env=prod, team=a*</c>.</summary>
    public string? Labels { get; set; }

    public string? Tenant { get; set; }

    public string? Project { get; set; }

    /// <summary>RFC 3339; empty: always.</summary>
    public string? From { get; set; }

    public string? To { get; set; }

    public static RuleDraft Of(OwnershipRule rule) => new()
    {
        Path = rule.Match.Path,
        Kind = rule.Match.Kind,
        Name = rule.Match.Name,
        Host = rule.Match.Host,
        User = rule.Match.User,
        Labels = string.Join(", ", (rule.Match.Label ?? []).Select(label => $"{label.Key}={label.Value}")),
        Tenant = rule.Tenant,
        Project = rule.Project,
        From = rule.From?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        To = rule.To?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
    };

    /// <summary>The rule; null with the fault when a text is none.</summary>
    public OwnershipRule? Read(int place, out string fault)
    {
        fault = "";
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in (Labels ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } name, var value])
            {
                fault = $"Rule {place}: '{part}' is no label; write env=prod, with commas between several.";
                return null;
            }

            labels[name] = value;
        }

        if (!TryInstant(From, out var from) || !TryInstant(To, out var to))
        {
            fault = $"Rule {place}: write its times as 2026-10-01T00:00:00Z, or leave them empty.";
            return null;
        }

        return new OwnershipRule
        {
            Match = new OwnershipMatch { Path = Text(Path), Kind = Text(Kind), Name = Text(Name), Host = Text(Host), User = Text(User), Label = labels.Count == 0 ? null : labels },
            Tenant = Tenant?.Trim() ?? "",
            Project = Text(Project),
            From = from,
            To = to,
        };
    }

    private static string? Text(string? given) => string.IsNullOrWhiteSpace(given) ? null : given.Trim();

    private static bool TryInstant(string? text, out DateTimeOffset? at)
    {
        at = null;
        if (string.IsNullOrWhiteSpace(text)) return true;
        if (!DateTimeOffset.TryParse(text.Trim(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)) return false;
        at = parsed;
        return true;
    }
}
