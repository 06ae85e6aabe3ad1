using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class EndpointMaskTests
{
    [Theory]
    [InlineData("slack", "https://hooks.slack.com/services/T0/B0/XXXX", "https://hooks.slack.com/…")]
    [InlineData("teams", "https://prod-1.logic.azure.com:443/workflows/1/triggers?sig=abc", "https://prod-1.logic.azure.com/…")]
    [InlineData("webhook", "https://alerts.example.com/metering?token=abc", "https://alerts.example.com/metering?…")]
    [InlineData("webhook", "https://alerts.example.com/metering", "https://alerts.example.com/metering")]
    public void What_is_secret_of_a_url_is_not_shown_and_stays_when_it_comes_back(string channel, string url, string shown)
    {
        var known = new EndpointSettings { Channel = channel, Url = url };

        Assert.Equal(shown, (string?)EndpointMask.Of(known)["url"]);
        Assert.Equal(url, EndpointMask.Keep(known with { Url = shown, Repeat = "4h" }, known).Url);
        Assert.Equal("https://other.example.com/", EndpointMask.Keep(known with { Url = "https://other.example.com/" }, known).Url);
    }

    [Fact]
    public void Keys_and_passwords_are_shown_as_being_there()
    {
        var known = new EndpointSettings { Channel = "pagerduty", RoutingKey = "0123456789abcdef0123456789abcdef", Token = "t", Password = "p" };

        var shown = EndpointMask.Of(known);

        Assert.Equal(["…", "…", "…"], new[] { "routingKey", "token", "password" }.Select(name => (string?)shown[name]));
        Assert.Equal(known, EndpointMask.Keep(known with { RoutingKey = "…", Token = "…", Password = "…" }, known));
        Assert.Equal("…", EndpointMask.Keep(known with { Channel = "webhook", Token = "…" }, known).Token);
    }
}
