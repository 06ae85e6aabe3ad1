using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>Incoming webhooks of Slack, and of Mattermost, Rocket.Chat and others that take the same form.</summary>
internal sealed class SlackChannel(HttpPost post) : IChannel
{
    // Slack shows no more of a text, and of a message no more attachments.
    private const int MaxText = 3_000;
    private const int MaxAlerts = 20;

    public string Name => "slack";

    public IReadOnlyList<string> Fields { get; } = ["url", "title", "text"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults) => post.CheckUrl(settings.Url, faults);

    public async Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel)
    {
        var result = await post.SendAsync(target, target.Settings.Url!, message.Id, Body(target.Settings, message), HttpPost.JsonType, isSigned: false, cancel);

        // Only "ok" means that it was taken; others that speak this form say nothing or answer in JSON.
        return result.Outcome != WebhookOutcome.Delivered || IsTaken(result.Answer.Trim()) ? result
            : result with { Outcome = WebhookOutcome.Failed, Reason = "The receiver answered 200 and something other than ok." };
    }

    private static byte[] Body(EndpointSettings settings, AlertMessage message) => HttpPost.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("text", Escape(HttpPost.Cut(message.Title(settings), MaxText)));
        json.WriteStartArray("attachments");
        foreach (var alert in message.Alerts.Take(MaxAlerts)) WriteAttachment(json, alert.IsResolved ? "good" : alert.Severity is "critical" or "error" ? "danger" : "warning", message.Alerts.Count > 1 ? alert.Title(settings) : "", alert.Text(settings), alert.Time);
        if (message.Alerts.Count == 0) WriteAttachment(json, "#6d7a77", "", message.Text(settings), null);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void WriteAttachment(Utf8JsonWriter json, string colour, string title, string text, DateTimeOffset? time)
    {
        json.WriteStartObject();
        json.WriteString("color", colour);
        if (title.Length > 0) json.WriteString("title", Escape(HttpPost.Cut(title, MaxText)));
        json.WriteString("text", Escape(HttpPost.Cut(text, MaxText)));
        json.WriteString("fallback", Escape(HttpPost.Cut(title.Length > 0 ? title : text, MaxText)));
        if (time is { } at) json.WriteNumber("ts", at.ToUnixTimeSeconds());
        json.WriteEndObject();
    }

    // What a name holds is text: no link, no mention.
    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    private static bool IsTaken(string answer)
    {
        if (!answer.StartsWith('{')) return answer.Length == 0 || answer.Equals("ok", StringComparison.OrdinalIgnoreCase);
        try
        {
            var json = JsonSerializer.Deserialize<JsonElement>(answer);
            return !new[] { "ok", "success" }.Any(name => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.False);
        }
        catch (JsonException)
        {
            // Cut off, perhaps; the status has been given.
            return true;
        }
    }
}
