using Metering.Service.Alerts;
using Metering.Tests.Alerts;
using Xunit;

namespace Metering.EndToEnd.Alerts;

/// <summary>What a real mail server with TLS shows that a script does not.</summary>
public sealed class MailServerTests
{
    [Fact]
    public async Task A_certificate_of_an_unknown_authority_is_refused_and_so_is_a_talk_without_tls()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var server = await MailServer.StartAsync(cancel);
        using var sample = new ChannelSample();
        var (channel, settings) = (sample.Catalogue.Find("email")!, ChannelSample.Settings("email", "", server.Address));

        var unknown = await channel.SendAsync(ChannelSample.Target(settings with { Security = "startTls" }), ChannelSample.Firing, cancel);
        var plain = await channel.SendAsync(ChannelSample.Target(settings with { Security = "none" }), ChannelSample.Firing, cancel);
        var wrong = await channel.SendAsync(ChannelSample.Target(settings with { Security = "tls" }), ChannelSample.Firing, cancel);

        Assert.Equal((WebhookOutcome.Failed, "TLS failed: the mail server's certificate is not trusted or does not name this host."), (unknown.Outcome, unknown.Reason));
        Assert.Equal((WebhookOutcome.Failed, 530), (plain.Outcome, plain.Status ?? 530));
        Assert.Equal(WebhookOutcome.Failed, wrong.Outcome);
    }
}
