namespace Metering.Service.Alerts.Channels;

/// <summary>Whom a channel sends to.</summary>
/// <param name="Secrets">To sign with; two while one replaces the other.</param>
internal sealed record ChannelTarget(string Id, EndpointSettings Settings, IReadOnlyList<WebhookSecret> Secrets);
