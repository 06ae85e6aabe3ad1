using System.Globalization;
using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>One alert as channels show it, read from the CloudEvent that tells of it.</summary>
/// <param name="Id">The id of the change of state.</param>
/// <param name="Time">When it happened.</param>
/// <param name="Data">The event's data object.</param>
internal sealed record AlertItem(string Id, string Type, DateTimeOffset Time, JsonElement Data)
{
    private const string DefaultTitle = "{status}: quota {quota}, {meter} at {value} of {limit} ({percent} %)";
    private const string DefaultText = "{meter}: {value} of {limit} ({percent} %), threshold {threshold}, window {window.start} to {window.end}, {subject}.";
    private const string OwnTitle = "{status}: {summary}";
    private const string OwnText = "{summary}";

    public string Key => Value("alert") is { Length: > 0 } key ? key : Id;

    public string Severity => Value("severity") is { Length: > 0 } severity ? severity : "warning";

    public bool IsResolved => Value("state") == AlertFact.Resolved;

    public DateTimeOffset Since => Data.TryGetProperty("since", out var since) && since.TryGetDateTimeOffset(out var at) ? at : Time;

    public IEnumerable<(string Name, string Value)> Labels => Data.TryGetProperty("labels", out var labels) && labels.ValueKind == JsonValueKind.Object
        ? labels.EnumerateObject().Select(label => (label.Name, label.Value.ToString())) : [];

    public string Title(EndpointSettings settings) => OneLine(TextTemplate.Render(settings.Title ?? (IsOwn ? OwnTitle : DefaultTitle), Value));

    public string Text(EndpointSettings settings) => TextTemplate.Render(settings.Text ?? (IsOwn ? OwnText : DefaultText), Value);

    /// <summary>What a name of a template stands for; empty where the alert has no such thing.</summary>
    public string Value(string name)
    {
        switch (name)
        {
            case "status": return IsResolved ? "RESOLVED" : "FIRING";
            case "subject": return Data.TryGetProperty("subject", out var subject) && subject.ValueKind == JsonValueKind.Object ? string.Join(", ", subject.EnumerateObject().Select(part => $"{part.Name} {part.Value}")) : "";
            // Cut, not rounded: 99.96 % is not 100.
            case "percent": return Number("value") is { } value && Number("limit") is { } limit and not 0 ? Math.Round(value / limit * 100, 1, MidpointRounding.ToZero).ToString("0.#", CultureInfo.InvariantCulture) : "";
            case "tenant": return Labels.FirstOrDefault(label => label.Name == "tenant").Value ?? "";
            default: break;
        }

        var at = Data;
        foreach (var part in name.Split('.', 2))
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(part, out at)) return "";
        }

        return at.ValueKind switch
        {
            JsonValueKind.Number => at.TryGetDecimal(out var number) ? number.ToString("0.######", CultureInfo.InvariantCulture) : at.GetRawText(),
            JsonValueKind.String => at.GetString() ?? "",
            _ => "",
        };
    }

    private bool IsOwn => Data.TryGetProperty("summary", out _);

    private decimal? Number(string name) => Data.TryGetProperty(name, out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetDecimal(out var value) ? value : null;

    internal static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
