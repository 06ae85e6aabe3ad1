using System.Buffers;
using System.Text.Json;

namespace Metering.Service.Alerts;

/// <summary>Writes events as CloudEvents 1.0 in structured JSON. The bytes depend on the arguments only, so a replay is the same delivery.</summary>
public static class CloudEvent
{
    public const string ContentType = "application/cloudevents+json; charset=utf-8";

    public const string QuotaCrossedType = "metering.quota.crossed";

    /// <summary>Several alerts in one message.</summary>
    public const string AlertsType = "metering.alerts";

    /// <summary>An endpoint was given up, or is served again.</summary>
    public const string EndpointType = "metering.webhook.disabled";

    public const string TestType = "metering.webhook.test";

    /// <summary>A scheduled report is made and can be fetched.</summary>
    public const string ReportReadyType = "metering.report.ready";

    /// <summary>Standard Webhooks asks for less; receivers refuse more.</summary>
    public const int MaxBytes = 20_000;

    /// <summary>The body of a crossing.</summary>
    /// <param name="id">The stable id of the event, sent as <c>webhook-id</c> too. Id and source together name the event for ever.</param>
    /// <param name="source">A URI reference that names this installation.</param>
    /// <param name="time">When it happened, not when it is sent.</param>
    public static byte[] Write(string id, string source, DateTimeOffset time, QuotaCrossed crossing) => Write(id, source, QuotaCrossedType, crossing.Quota, time, data => WriteData(data, crossing, time));

    /// <summary>The members of the <c>data</c> object of a crossing.</summary>
    /// <param name="since">Since when the alert has been firing.</param>
    internal static void WriteData(Utf8JsonWriter data, QuotaCrossed crossing, DateTimeOffset since)
    {
        data.WriteString("quota", crossing.Quota);
        data.WriteStartObject("subject");
        foreach (var (name, value) in crossing.Subject.OrderBy(pair => pair.Key, StringComparer.Ordinal)) data.WriteString(name, value);
        data.WriteEndObject();
        data.WriteString("meter", crossing.Meter);
        data.WriteStartObject("window");
        data.WriteString("start", crossing.WindowStart.UtcDateTime);
        data.WriteString("end", crossing.WindowEnd.UtcDateTime);
        data.WriteEndObject();
        data.WriteNumber("threshold", crossing.Threshold);
        data.WriteNumber("limit", crossing.Limit);
        data.WriteNumber("value", crossing.Value);
        data.WriteString("state", crossing.State);
        data.WriteString("kind", crossing.Kind);
        data.WriteString("thresholdIn", crossing.ThresholdIn);
        data.WriteString("direction", crossing.Direction);
        data.WriteString("severity", crossing.Severity);
        WriteLabels(data, crossing.Labels);
        data.WriteNumber("transition", crossing.Transition);
        if (crossing.PredictedAt is { } predicted) data.WriteString("predictedAt", predicted.UtcDateTime);
        WriteIdentity(data, crossing.Key, "quota", since);
    }

    /// <summary>What every alert has: which it is, and since when it has been firing.</summary>
    internal static void WriteIdentity(Utf8JsonWriter data, string? key, string type, DateTimeOffset since)
    {
        if (key is not null) data.WriteString("alert", key);
        data.WriteString("type", type);
        data.WriteString("since", since.UtcDateTime);
    }

    internal static void WriteLabels(Utf8JsonWriter data, IReadOnlyDictionary<string, string> labels)
    {
        data.WriteStartObject("labels");
        foreach (var (name, value) in labels.OrderBy(pair => pair.Key, StringComparer.Ordinal)) data.WriteString(name, value);
        data.WriteEndObject();
    }

    /// <summary>The body of any event.</summary>
    /// <param name="subject">What the event is about within the source.</param>
    /// <param name="data">Writes the members of the <c>data</c> object.</param>
    public static byte[] Write(string id, string source, string type, string subject, DateTimeOffset time, Action<Utf8JsonWriter> data)
    {
        var body = new ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("specversion", "1.0");
            json.WriteString("id", id);
            json.WriteString("source", source);
            json.WriteString("type", type);
            json.WriteString("subject", subject);
            json.WriteString("time", time.UtcDateTime);
            json.WriteString("datacontenttype", "application/json");
            json.WriteStartObject("data");
            data(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return body.WrittenCount <= MaxBytes
            ? body.WrittenSpan.ToArray()
            : throw new ArgumentException($"The event has {body.WrittenCount} bytes; {MaxBytes} are allowed.", nameof(data));
    }
}
