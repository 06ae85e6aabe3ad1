namespace Metering.Service.Alerts.Channels;

/// <summary>The CloudEvent itself, posted with the headers and signatures of Standard Webhooks.</summary>
internal sealed class WebhookChannel(HttpPost post) : IChannel
{
    public const string ChannelName = "webhook";

    public string Name => ChannelName;

    public IReadOnlyList<string> Fields { get; } = ["url", "secret"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults) => post.CheckUrl(settings.Url, faults);

    public Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel) =>
        post.SendAsync(target, target.Settings.Url!, message.Id, message.Body, CloudEvent.ContentType, isSigned: true, cancel);
}
