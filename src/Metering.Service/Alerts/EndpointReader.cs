using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Alerts.Channels;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Alerts;

/// <summary>Reads the document of an endpoint and tells all that is wrong with it at once: unknown fields, fields of another channel, wrong kinds, and what the channel says.</summary>
internal sealed class EndpointReader(ChannelCatalogue channels)
{
    private const int MaxText = 4_000;
    private const int MaxValues = 100;
    private static readonly TimeSpan ShortestRepeat = TimeSpan.FromMinutes(1), LongestRepeat = TimeSpan.FromDays(30), LongestWait = TimeSpan.FromHours(1);

    private static readonly string[] Common = ["channel", "route", "groupBy", "groupWait", "repeat", "sendResolved", "ordered"];
    private static readonly string[] Lists = ["to", "groupBy", "route.tenant", "route.severity"];
    private static readonly string[] Flags = ["sendResolved", "ordered"];
    private static readonly string[] Severities = ["critical", "error", "warning", "info"];

    /// <summary>The settings, and the secret when one is given; faults are added to the list.</summary>
    public (EndpointSettings Settings, string? Secret) Read(JsonElement document, List<Fault> faults)
    {
        if (document.ValueKind != JsonValueKind.Object)
        {
            faults.Add(new Fault("", "An endpoint is a JSON object, such as {\"url\":\"https://alerts.example.com/metering\"}."));
            return (new EndpointSettings(), null);
        }

        var name = document.TryGetProperty("channel", out var given) && given.ValueKind == JsonValueKind.String ? given.GetString()! : WebhookChannel.ChannelName;
        var channel = channels.Find(name);
        if (channel is null) faults.Add(new Fault("channel", $"'{Show(name)}' is unknown; channels are {string.Join(", ", channels.All.Select(one => one.Name))}."));
        var sound = new JsonObject();
        foreach (var field in document.EnumerateObject())
        {
            if (channel is not null && !Common.Contains(field.Name, StringComparer.Ordinal) && !channel.Fields.Contains(field.Name, StringComparer.Ordinal))
            {
                faults.Add(new Fault(Show(field.Name), $"is no field of channel {name}; it takes {string.Join(", ", channel.Fields.Concat(Common))}."));
            }
            else if (IsSound(field.Name, field.Value, faults))
            {
                sound[field.Name] = JsonNode.Parse(field.Value.GetRawText());
            }
        }

        var secret = sound["secret"]?.GetValue<string>();
        sound.Remove("secret");
        var settings = sound.Deserialize<EndpointSettings>(LedgerJson.Options)! with { Channel = name };
        var found = new List<Fault>();
        if (secret is not null && !WebhookSecret.TryParse(secret, out _, out var why)) found.Add(new Fault("secret", why));
        Check(settings, found);
        channel?.Check(settings, found);

        // What has the wrong kind is as good as missing to those who check, and was told.
        var told = faults.Select(fault => fault.Field).ToHashSet(StringComparer.Ordinal);
        faults.AddRange(found.Where(fault => !told.Contains(fault.Field)));
        return (settings, secret);
    }

    private static void Check(EndpointSettings settings, List<Fault> faults)
    {
        CheckSpan("groupWait", settings.GroupWait, TimeSpan.Zero, LongestWait, "0s to 1h");
        CheckSpan("repeat", settings.Repeat, ShortestRepeat, LongestRepeat, "1min to 30d");
        foreach (var (field, template) in new[] { ("title", settings.Title), ("text", settings.Text) })
        {
            if (template is not null) faults.AddRange(TextTemplate.Faults(template).Select(fault => new Fault(field, fault)));
        }

        foreach (var severity in settings.Route?.Severity ?? [])
        {
            if (!Severities.Contains(severity, StringComparer.Ordinal)) faults.Add(new Fault("route.severity", $"'{Show(severity)}' is none of {string.Join(", ", Severities)}."));
        }

        void CheckSpan(string field, string? text, TimeSpan from, TimeSpan to, string range)
        {
            if (text is not null && (!Duration.TryParse(text, out var span) || span < from || span > to)) faults.Add(new Fault(field, $"is '{Show(text)}'; it is a time from {range}."));
        }
    }

    private static bool IsSound(string name, JsonElement value, List<Fault> faults)
    {
        if (value.ValueKind == JsonValueKind.Null) return true;
        if (name == "route") return IsRoute(value, faults);
        var isSound = Flags.Contains(name, StringComparer.Ordinal) ? value.ValueKind is JsonValueKind.True or JsonValueKind.False : Lists.Contains(name, StringComparer.Ordinal) ? IsTexts(value) : IsText(value);
        if (!isSound) faults.Add(new Fault(name, Flags.Contains(name, StringComparer.Ordinal) ? "is true or false." : Lists.Contains(name, StringComparer.Ordinal) ? $"is a list of at most {MaxValues} texts." : $"is a text of at most {MaxText} characters."));
        return isSound;
    }

    private static bool IsRoute(JsonElement route, List<Fault> faults)
    {
        var before = faults.Count;
        if (route.ValueKind != JsonValueKind.Object) faults.Add(new Fault("route", "is an object of tenant, severity and label; {} takes all alerts."));
        else
        {
            foreach (var field in route.EnumerateObject())
            {
                if (field.Name is not ("tenant" or "severity" or "label")) faults.Add(new Fault("route." + Show(field.Name), "is unknown; a route has tenant, severity and label."));
                else if (field.Name == "label") CheckLabels("route.label", field.Value, faults);
                else IsSound("route." + field.Name, field.Value, faults);
            }
        }

        return faults.Count == before;
    }

    /// <summary>Labels and patterns, of routes and silences.</summary>
    internal static void CheckLabels(string field, JsonElement labels, List<Fault> faults)
    {
        if (labels.ValueKind != JsonValueKind.Object || labels.EnumerateObject().Count() > MaxValues || labels.EnumerateObject().Any(label => label.Name.Length is 0 or > 200 || !IsText(label.Value)))
            faults.Add(new Fault(field, "is an object of labels and the texts that they have, in which * stands for anything."));
    }

    private static bool IsText(JsonElement value) => value.ValueKind == JsonValueKind.String && value.GetString()!.Length <= MaxText;

    private static bool IsTexts(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= MaxValues && value.EnumerateArray().All(IsText);

    private static string Show(string text) => Channels.AlertItem.OneLine(HttpPost.Cut(text, 100));
}
