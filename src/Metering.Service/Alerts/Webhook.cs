using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Alerts;

/// <summary>An endpoint that events are sent to, through one channel.</summary>
public sealed class Webhook
{
    public string Id { get; set; } = "";

    /// <summary>Where it sends to: the URL of HTTP channels, server or file of the others.</summary>
    public string Url { get; set; } = "";

    /// <summary><c>whsec_…</c> of Standard Webhooks; shown once, when it is made.</summary>
    public string Secret { get; set; } = "";

    /// <summary>Why nothing is sent any more; null while it is enabled.</summary>
    public string? Disabled { get; set; }

    public string Channel { get; set; } = "webhook";

    /// <summary><see cref="EndpointSettings"/> as JSON; <c>{}</c> for what was made before there were channels.</summary>
    public string SettingsJson { get; set; } = "{}";

    public long Ordered { get; set; } = 1;

    /// <summary>The secret before this one, which signs too until then.</summary>
    public string? OldSecret { get; set; }

    public long? OldSecretUntil { get; set; }

    /// <summary>The first failure since the last success, Unix microseconds.</summary>
    public long? FailingSince { get; set; }

    public EndpointSettings ReadSettings()
    {
        var settings = JsonSerializer.Deserialize<EndpointSettings>(SettingsJson, LedgerJson.Options) ?? new EndpointSettings();
        return SettingsJson == "{}" ? settings with { Url = Url } : settings;
    }

    public void Write(EndpointSettings settings)
    {
        SettingsJson = JsonSerializer.Serialize(settings, LedgerJson.Options);
        (Channel, Ordered) = (settings.Channel, settings.Ordered ? 1 : 0);
        Url = settings.Url ?? settings.Server ?? settings.File ?? "";
    }

    /// <summary>The secrets to sign with now: the newest first, and the one before it while receivers change theirs.</summary>
    internal IReadOnlyList<WebhookSecret> Secrets(long now)
    {
        var secrets = new List<WebhookSecret>(2);
        if (WebhookSecret.TryParse(Secret, out var secret, out _)) secrets.Add(secret);
        if (OldSecretUntil > now && WebhookSecret.TryParse(OldSecret, out var old, out _)) secrets.Add(old);
        return secrets;
    }
}
