namespace Metering.Service.Alerts.Channels;

/// <summary>A way to tell people or programs. Each is one file; <see cref="ChannelCatalogue"/> finds it by its name.</summary>
internal interface IChannel
{
    /// <summary>As <c>channel</c> in configuration.</summary>
    string Name { get; }

    /// <summary>The fields that it takes beside those of every endpoint.</summary>
    IReadOnlyList<string> Fields { get; }

    /// <summary>Adds all that is wrong with the settings, as far as it can be told without a connection.</summary>
    void Check(EndpointSettings settings, ICollection<Fault> faults);

    /// <summary>Tries once, within its own total timeout. Everything that the other side can do ends in a result; only cancellation throws.</summary>
    Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel);
}
