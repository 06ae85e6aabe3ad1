using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>What a delivery says: a CloudEvent, and the alerts in it. An event that is no alert, such as a report that is ready, has none and still a title and a text.</summary>
internal sealed record AlertMessage
{
    /// <summary>The id of the event, the same for every attempt.</summary>
    public required string Id { get; init; }

    /// <summary>The CloudEvent as it was recorded.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required IReadOnlyList<AlertItem> Alerts { get; init; }

    private string EventTitle { get; init; } = "";

    private string EventText { get; init; } = "";

    public static AlertMessage Read(string id, byte[] body)
    {
        var json = JsonSerializer.Deserialize<JsonElement>(body);
        var (type, subject) = (json.GetProperty("type").GetString()!, json.TryGetProperty("subject", out var about) ? about.GetString() : "");
        var time = json.GetProperty("time").GetDateTimeOffset();
        var data = json.GetProperty("data");
        IReadOnlyList<AlertItem> alerts = type switch
        {
            CloudEvent.AlertsType => [.. data.GetProperty("alerts").EnumerateArray().Select(one => new AlertItem(
                one.GetProperty("id").GetString()!, one.GetProperty("type").GetString()!, one.GetProperty("time").GetDateTimeOffset(), one.GetProperty("data")))],
            _ when data.TryGetProperty("state", out _) => [new AlertItem(id, type, time, data)],
            _ => [],
        };
        return new AlertMessage
        {
            Id = id, Body = body, Alerts = alerts,
            EventTitle = type switch { CloudEvent.TestType => "Test message from Metering", CloudEvent.ReportReadyType => $"Report {subject} is ready", _ => $"{type} {subject}" },
            EventText = string.Join('\n', data.EnumerateObject().Select(member => $"{member.Name}: {member.Value}")),
        };
    }

    public bool IsResolved => Alerts.Count > 0 && Alerts.All(alert => alert.IsResolved);

    /// <summary>The worst of those that fire; null when none does.</summary>
    public string? Severity => Alerts.Where(alert => !alert.IsResolved).Select(alert => alert.Severity).MinBy(severity => Array.IndexOf(["critical", "error", "warning", "info"], severity) is var place and >= 0 ? place : 9);

    /// <summary>One line.</summary>
    public string Title(EndpointSettings settings)
    {
        if (Alerts.Count == 0) return AlertItem.OneLine(EventTitle);
        if (Alerts.Count == 1) return Alerts[0].Title(settings);
        var resolved = Alerts.Count(alert => alert.IsResolved);
        return $"{Alerts.Count} alerts: {Alerts.Count - resolved} firing, {resolved} resolved";
    }

    public string Text(EndpointSettings settings) => Alerts.Count switch
    {
        0 => EventText,
        1 => Alerts[0].Text(settings),
        _ => string.Join("\n", Alerts.Select(alert => $"{alert.Title(settings)}\n{alert.Text(settings)}\n")),
    };
}
