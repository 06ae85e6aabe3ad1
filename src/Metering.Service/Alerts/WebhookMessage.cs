namespace Metering.Service.Alerts;

/// <summary>One message for one webhook, as the outbox keeps it.</summary>
public sealed record WebhookMessage
{
    public required WebhookUrl Url { get; init; }

    /// <summary>The stable id, sent as <c>webhook-id</c> with every attempt.</summary>
    public required string Id { get; init; }

    /// <summary>The exact bytes of the body.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The secrets to sign with: two while one replaces the other. Empty for receivers that know no signature.</summary>
    public required IReadOnlyList<WebhookSecret> Secrets { get; init; }

    public string ContentType { get; init; } = CloudEvent.ContentType;

    /// <summary>The value of <c>Authorization</c>; null: none is sent.</summary>
    public string? Authorization { get; init; }
}
