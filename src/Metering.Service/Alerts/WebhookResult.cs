namespace Metering.Service.Alerts;

/// <summary>The result of one attempt, fit to be shown to the tenant: it names no address of ours and quotes no more of the answer than 1 KiB.</summary>
public sealed record WebhookResult
{
    public required WebhookOutcome Outcome { get; init; }

    /// <summary>One sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>The HTTP status, or the reply code of SMTP; null when there was no answer.</summary>
    public int? Status { get; init; }

    /// <summary>How long the receiver wants to be left alone, up to <see cref="WebhookSender.MaxRetryAfter"/>; null when it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The beginning of the answer's body as text; control characters are replaced.</summary>
    public string Answer { get; init; } = "";

    /// <summary>When the attempt began, as signed.</summary>
    public required DateTimeOffset Attempted { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>A result without an exchange.</summary>
    internal static WebhookResult Without(WebhookOutcome outcome, string reason, DateTimeOffset attempted) => new() { Outcome = outcome, Reason = reason, Attempted = attempted, Duration = TimeSpan.Zero };
}
