using System.Collections.Frozen;

namespace Metering.Service.Alerts.Channels;

/// <summary>All channels, by name.</summary>
internal sealed class ChannelCatalogue
{
    private readonly FrozenDictionary<string, IChannel> _channels;

    public ChannelCatalogue(WebhookSender sender, AddressPolicy policy, GuardedConnector connector, AlertsOptions options, TimeProvider clock)
    {
        var post = new HttpPost(sender, policy);
        _channels = ((IChannel[])
        [
            new WebhookChannel(post),
            new AlertmanagerChannel(post, clock),
            new SlackChannel(post),
            new TeamsChannel(post),
            new PagerDutyChannel(post),
            new EmailChannel(connector, policy, options, clock),
            new LogChannel(options, clock),
        ]).ToFrozenDictionary(channel => channel.Name, StringComparer.Ordinal);
    }

    public IEnumerable<IChannel> All => _channels.Values.OrderBy(channel => channel.Name, StringComparer.Ordinal);

    public IChannel? Find(string name) => _channels.GetValueOrDefault(name);
}
