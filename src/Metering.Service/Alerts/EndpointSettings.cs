using Metering.Service.Alerts.Routing;

namespace Metering.Service.Alerts;

/// <summary>What an endpoint is told to be, as <c>PUT /v1/webhooks/{id}</c> takes it and as it is stored; which fields a channel takes is said by the channel.</summary>
public sealed record EndpointSettings
{
    /// <summary>The name of a channel of the catalogue.</summary>
    public string Channel { get; init; } = "webhook";

    /// <summary>Where HTTP channels post to.</summary>
    public string? Url { get; init; }

    /// <summary>Sent as <c>Authorization: Bearer</c>.</summary>
    public string? Token { get; init; }

    /// <summary>For SMTP or HTTP Basic; together with <see cref="Password"/>.</summary>
    public string? User { get; init; }

    public string? Password { get; init; }

    /// <summary>The integration key of PagerDuty.</summary>
    public string? RoutingKey { get; init; }

    /// <summary><c>HOST</c> or <c>HOST:PORT</c> of an SMTP server.</summary>
    public string? Server { get; init; }

    /// <summary><c>startTls</c>, <c>tls</c> or <c>none</c>.</summary>
    public string? Security { get; init; }

    public string? From { get; init; }

    public IReadOnlyList<string>? To { get; init; }

    /// <summary>The name of a file in the directory of alert logs.</summary>
    public string? File { get; init; }

    /// <summary>Which alerts come here beside those whose quota names the endpoint; null: only those.</summary>
    public AlertRoute? Route { get; init; }

    /// <summary>Alerts that have these labels in common go in one message.</summary>
    public IReadOnlyList<string>? GroupBy { get; init; }

    /// <summary>How long the first alert of a group waits for others, such as <c>30s</c>.</summary>
    public string? GroupWait { get; init; }

    /// <summary>After how long an alert that still fires is told again, such as <c>4h</c>; null: never.</summary>
    public string? Repeat { get; init; }

    public bool SendResolved { get; init; } = true;

    /// <summary>A delivery that fails holds back those after it.</summary>
    public bool Ordered { get; init; } = true;

    /// <summary>Templates for texts, see <see cref="TextTemplate"/>.</summary>
    public string? Title { get; init; }

    public string? Text { get; init; }
}
