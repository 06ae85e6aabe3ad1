namespace Metering.Service.Alerts.Channels;

/// <summary>PagerDuty Events API v2: <c>trigger</c> while an alert fires and <c>resolve</c> with the same <c>dedup_key</c> afterwards. One event speaks of one alert.</summary>
internal sealed class PagerDutyChannel(HttpPost post) : IChannel
{
    private const string DefaultUrl = "https://events.pagerduty.com/v2/enqueue";

    // Limits of the API.
    private const int MaxSummary = 1_024;
    private const int RoutingKeyLength = 32;

    public string Name => "pagerduty";

    public IReadOnlyList<string> Fields { get; } = ["url", "routingKey", "title", "text"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults)
    {
        if (settings.Url is not null) post.CheckUrl(settings.Url, faults);
        if (settings.RoutingKey is not { Length: RoutingKeyLength } key || !key.All(char.IsAsciiLetterOrDigit)) faults.Add(new Fault("routingKey", $"is the integration key of PagerDuty: {RoutingKeyLength} letters and digits."));
        if (settings.GroupBy is { Count: > 0 } || settings.GroupWait is not null) faults.Add(new Fault("groupBy", "is not for PagerDuty: one event speaks of one alert, and PagerDuty groups by itself."));
    }

    public Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel) =>
        post.SendAsync(target, target.Settings.Url ?? DefaultUrl, message.Id, Body(target.Settings, message), HttpPost.JsonType, isSigned: false, cancel);

    private static byte[] Body(EndpointSettings settings, AlertMessage message) => HttpPost.Json(json =>
    {
        var alert = message.Alerts.Count > 0 ? message.Alerts[0] : null;
        json.WriteStartObject();
        json.WriteString("routing_key", settings.RoutingKey);
        json.WriteString("event_action", message.IsResolved ? "resolve" : "trigger");
        json.WriteString("dedup_key", HttpPost.Cut(alert?.Key ?? message.Id, 255));
        json.WriteString("client", "Metering");
        json.WriteStartObject("payload");
        json.WriteString("summary", HttpPost.Cut(message.Title(settings), MaxSummary));
        json.WriteString("source", alert?.Value("tenant") is { Length: > 0 } tenant ? tenant : "metering");
        json.WriteString("severity", message.Severity is "critical" or "error" or "warning" ? message.Severity : "info");
        if (alert is not null)
        {
            json.WriteString("timestamp", alert.Time.UtcDateTime);
            json.WriteString("class", alert.Value("type"));
            json.WriteString("component", alert.Value("quota") is { Length: > 0 } quota ? quota : alert.Value("endpoint"));
        }

        json.WriteStartObject("custom_details");
        json.WriteString("text", message.Text(settings));
        foreach (var (name, value) in alert?.Labels ?? []) json.WriteString("label." + name, value);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    });
}
