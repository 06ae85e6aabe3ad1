using System.Globalization;
using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>
/// Prometheus Alertmanager, <c>POST /api/v2/alerts</c>: an alert is its labels, so those never hold a figure. A firing alert ends by itself unless it is sent again, as Prometheus does it;
/// a resolved one has its end. Source: <c>docs/alerts_api.md</c> of Alertmanager.
/// </summary>
internal sealed class AlertmanagerChannel(HttpPost post, TimeProvider clock) : IChannel
{
    public const string ChannelName = "alertmanager";

    public static readonly TimeSpan ResendEvery = TimeSpan.FromMinutes(1);

    // Four times the interval, as Prometheus: one that is lost or late does not resolve the alert.
    private static readonly TimeSpan Lasts = ResendEvery * 4;

    public string Name => ChannelName;

    public IReadOnlyList<string> Fields { get; } = ["url", "token", "user", "password", "title", "text"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults)
    {
        post.CheckUrl(settings.Url, faults);
        HttpPost.CheckCredentials(settings, faults);
        if (settings.Url is { } url && (url.Contains('?', StringComparison.Ordinal) || url.TrimEnd('/').EndsWith("/api/v2/alerts", StringComparison.Ordinal)))
            faults.Add(new Fault("url", "is the base of Alertmanager, such as https://alertmanager.example.com; /api/v2/alerts is added."));
    }

    public Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel) =>
        post.SendAsync(target, target.Settings.Url!.TrimEnd('/') + "/api/v2/alerts", message.Id, Body(target.Settings, message), HttpPost.JsonType, isSigned: false, cancel);

    private byte[] Body(EndpointSettings settings, AlertMessage message) => HttpPost.Json(json =>
    {
        json.WriteStartArray();
        foreach (var alert in message.Alerts) WriteAlert(json, settings, alert);

        // A test is an alert too, that ends at once.
        if (message.Alerts.Count == 0) WriteEvent(json, settings, message);
        json.WriteEndArray();
    });

    private void WriteAlert(Utf8JsonWriter json, EndpointSettings settings, AlertItem alert)
    {
        json.WriteStartObject();
        json.WriteStartObject("labels");
        json.WriteString("alertname", "Metering" + char.ToUpperInvariant(TypeOf(alert)[0]) + TypeOf(alert)[1..]);
        foreach (var (name, value) in alert.Labels.Select(label => (Name: LabelName(label.Name), label.Value)).Where(label => label is { Name: not "alertname", Value.Length: > 0 }).DistinctBy(label => label.Name)) json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStartObject("annotations");
        json.WriteString("summary", alert.Title(settings));
        json.WriteString("description", alert.Text(settings));
        json.WriteString("value", alert.Value("value"));
        json.WriteString("limit", alert.Value("limit"));
        json.WriteEndObject();
        json.WriteString("startsAt", alert.Since.UtcDateTime);
        json.WriteString("endsAt", (alert.IsResolved ? alert.Time : clock.GetUtcNow() + Lasts).UtcDateTime);
        json.WriteEndObject();
    }

    private void WriteEvent(Utf8JsonWriter json, EndpointSettings settings, AlertMessage message)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        json.WriteStartObject();
        json.WriteStartObject("labels");
        json.WriteString("alertname", "MeteringEvent");
        json.WriteString("event", message.Id);
        json.WriteString("severity", "info");
        json.WriteEndObject();
        json.WriteStartObject("annotations");
        json.WriteString("summary", message.Title(settings));
        json.WriteString("description", message.Text(settings));
        json.WriteEndObject();
        json.WriteString("startsAt", now);
        json.WriteString("endsAt", now.Add(ResendEvery));
        json.WriteEndObject();
    }

    private static string TypeOf(AlertItem alert) => alert.Value("type") is { Length: > 0 } type ? type : "alert";

    // Prometheus' letters for a label: [a-zA-Z_][a-zA-Z0-9_]*.
    private static string LabelName(string name)
    {
        var plain = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c.ToString(CultureInfo.InvariantCulture) : "_"));
        return plain.Length == 0 || char.IsAsciiDigit(plain[0]) ? "_" + plain : plain;
    }
}
