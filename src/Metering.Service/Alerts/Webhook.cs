namespace Metering.Service.Alerts;

/// <summary>An address that events are posted to.</summary>
public sealed class Webhook
{
    public string Id { get; set; } = "";

    public string Url { get; set; } = "";

    /// <summary><c>whsec_…</c> of Standard Webhooks; shown once, when it is made.</summary>
    public string Secret { get; set; } = "";

    /// <summary>Why nothing is sent any more; null while it is enabled.</summary>
    public string? Disabled { get; set; }
}
