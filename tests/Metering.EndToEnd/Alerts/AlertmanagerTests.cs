using Metering.Service.Alerts;
using Metering.Service.Alerts.Channels;
using Metering.Tests.Alerts;
using Xunit;

namespace Metering.EndToEnd.Alerts;

/// <summary>The real Alertmanager is the judge of what the channel sends.</summary>
public sealed class AlertmanagerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_alert_fires_once_and_is_resolved_by_its_end()
    {
        await using var server = await AlertmanagerServer.StartAsync(Cancel);
        using var sample = new ChannelSample(clock: TimeProvider.System);
        var channel = sample.Catalogue.Find("alertmanager")!;
        var target = ChannelSample.Target(new EndpointSettings { Channel = "alertmanager", Url = $"http://{server.Address}" });
        var now = TimeProvider.System.GetUtcNow();

        foreach (var _ in (int[])[1, 2]) Assert.Equal(WebhookOutcome.Delivered, (await channel.SendAsync(target, ChannelSample.At("firing", now), Cancel)).Outcome);
        await server.WaitAsync(alerts => alerts.Count == 1, "the alert was active", Cancel);
        var alert = Assert.Single(await server.AlertsAsync(Cancel));
        Assert.Equal("MeteringQuota", alert.GetProperty("labels").GetProperty("alertname").GetString());
        Assert.Equal("acme <&>", alert.GetProperty("labels").GetProperty("tenant").GetString());
        Assert.Equal(now.AddMinutes(-5), alert.GetProperty("startsAt").GetDateTimeOffset(), TimeSpan.FromSeconds(1));

        Assert.Equal(WebhookOutcome.Delivered, (await channel.SendAsync(target, ChannelSample.At("resolved", now), Cancel)).Outcome);
        await server.WaitAsync(alerts => alerts.Count == 0, "the alert was over", Cancel);
        foreach (var message in new[] { ChannelSample.Group, ChannelSample.Test, ChannelSample.Report }) Assert.Equal(WebhookOutcome.Delivered, (await channel.SendAsync(target, message, Cancel)).Outcome);
    }
}
