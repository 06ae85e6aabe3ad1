using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Metering.Service.Alerts;

/// <summary>A change of an alert's state, whatever the alert is about: what the outbox records, routes and sends.</summary>
internal sealed record AlertFact
{
    public const string Pending = "pending", Firing = "firing", Resolved = "resolved";

    /// <summary>The stable id of this change.</summary>
    public required string EventId { get; init; }

    /// <summary>The CloudEvents type.</summary>
    public required string EventType { get; init; }

    /// <summary>What it is about, such as the id of the quota.</summary>
    public required string Subject { get; init; }

    /// <summary>What all changes of this alert have in common, short enough for the keys of other systems.</summary>
    public required string Key { get; init; }

    public required string State { get; init; }

    public required string Severity { get; init; }

    public string? Tenant { get; init; }

    /// <summary>All labels, by which it is routed, grouped and silenced.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Writes the members of the data object, given since when it has been firing.</summary>
    public required Action<Utf8JsonWriter, DateTimeOffset> Data { get; init; }

    public static AlertFact Of(string eventId, string? tenant, QuotaCrossed crossing)
    {
        var threshold = crossing.Threshold.ToString("0.##########", CultureInfo.InvariantCulture);
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in crossing.Labels) labels[name] = value;
        foreach (var (name, value) in crossing.Subject) labels[name] = value;
        if (tenant is not null) labels["tenant"] = tenant;
        (labels["type"], labels["kind"], labels["quota"], labels["meter"], labels["severity"], labels["threshold"]) = ("quota", crossing.Kind, crossing.Quota, crossing.Meter, crossing.Severity, threshold);
        var subject = string.Join(',', crossing.Subject.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        var key = KeyOf(crossing.Key ?? $"{crossing.Quota}\n{crossing.Kind}\n{crossing.Direction}\n{threshold} {crossing.ThresholdIn}\n{subject}");
        return new AlertFact
        {
            EventId = eventId, EventType = CloudEvent.QuotaCrossedType, Subject = crossing.Quota, Key = key, State = crossing.State, Severity = crossing.Severity, Tenant = tenant, Labels = labels,
            Data = (data, since) => CloudEvent.WriteData(data, crossing with { Key = key, Labels = labels }, since),
        };
    }

    /// <summary>An alert about this installation itself, such as an endpoint that was given up.</summary>
    /// <param name="name">The label and member of the data that names what it is about, such as <c>endpoint</c>.</param>
    public static AlertFact Own(string eventId, string eventType, string name, string subject, string state, string severity, string summary)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["type"] = name, [name] = subject, ["severity"] = severity };
        var key = KeyOf($"{name}\n{subject}");
        return new AlertFact
        {
            EventId = eventId, EventType = eventType, Subject = subject, Key = key, State = state, Severity = severity, Labels = labels,
            Data = (data, since) =>
            {
                data.WriteString(name, subject);
                data.WriteString("summary", summary);
                data.WriteString("state", state);
                data.WriteString("severity", severity);
                CloudEvent.WriteLabels(data, labels);
                CloudEvent.WriteIdentity(data, key, name, since);
            },
        };
    }

    private static string KeyOf(string text) => "al_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 12));
}
