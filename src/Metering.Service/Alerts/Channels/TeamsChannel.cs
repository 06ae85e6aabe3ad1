using System.Text;
using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>A Microsoft Teams workflow ("when a webhook request is received"): a message with one adaptive card.</summary>
internal sealed class TeamsChannel(HttpPost post) : IChannel
{
    // Teams refuses messages above 28 KB.
    private const int MaxText = 1_000;
    private const int MaxAlerts = 10;

    public string Name => "teams";

    public IReadOnlyList<string> Fields { get; } = ["url", "title", "text"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults) => post.CheckUrl(settings.Url, faults);

    public Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel) =>
        post.SendAsync(target, target.Settings.Url!, message.Id, Body(target.Settings, message), HttpPost.JsonType, isSigned: false, cancel);

    private static byte[] Body(EndpointSettings settings, AlertMessage message) => HttpPost.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("type", "message");
        json.WriteStartArray("attachments");
        json.WriteStartObject();
        json.WriteString("contentType", "application/vnd.microsoft.card.adaptive");
        json.WriteStartObject("content");
        json.WriteString("$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
        json.WriteString("type", "AdaptiveCard");
        json.WriteString("version", "1.4");
        json.WriteStartArray("body");
        WriteText(json, message.Title(settings), message.Alerts.Count == 0 ? "default" : message.IsResolved ? "good" : message.Severity is "critical" or "error" ? "attention" : "warning");
        if (message.Alerts.Count == 0) WriteText(json, message.Text(settings), null);
        foreach (var alert in message.Alerts.Take(MaxAlerts))
        {
            if (message.Alerts.Count > 1) WriteText(json, alert.Title(settings), alert.IsResolved ? "good" : "warning");
            WriteText(json, alert.Text(settings), null);
            WriteFacts(json, alert);
        }

        json.WriteEndArray();
        json.WriteStartObject("msteams");
        json.WriteString("width", "Full");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void WriteText(Utf8JsonWriter json, string text, string? headingColour)
    {
        json.WriteStartObject();
        json.WriteString("type", "TextBlock");
        json.WriteString("text", Escape(HttpPost.Cut(text, MaxText)));
        json.WriteBoolean("wrap", true);
        if (headingColour is not null)
        {
            json.WriteString("weight", "bolder");
            json.WriteString("color", headingColour);
        }

        json.WriteEndObject();
    }

    private static void WriteFacts(Utf8JsonWriter json, AlertItem alert)
    {
        json.WriteStartObject();
        json.WriteString("type", "FactSet");
        json.WriteStartArray("facts");
        foreach (var (name, value) in alert.Labels)
        {
            json.WriteStartObject();
            json.WriteString("title", Escape(HttpPost.Cut(name, 100)));
            json.WriteString("value", Escape(HttpPost.Cut(value, 200)));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    // Cards read a part of Markdown; what a name holds is text.
    private static string Escape(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c is '\\' or '*' or '_' or '[' or ']' or '`' or '#' or '>') plain.Append('\\');
            plain.Append(c);
        }

        return plain.ToString();
    }
}
