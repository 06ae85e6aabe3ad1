using System.Text;
using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class WebhookSignatureTests
{
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private static readonly DateTimeOffset Attempted = DateTimeOffset.FromUnixTimeSeconds(1614265330);
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("{\"test\": 2432232314}");

    [Fact]
    public void The_vector_of_the_specification_is_reproduced()
    {
        var secret = Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", WebhookSignature.Sign([secret], Id, Attempted.AddMilliseconds(999), Body));
    }

    [Fact]
    public void While_secrets_change_both_receivers_accept()
    {
        var (old, next, other) = (WebhookSecret.Generate(), WebhookSecret.Generate(), WebhookSecret.Generate());

        var signatures = WebhookSignature.Sign([old, next], Id, Attempted, Body);

        Assert.Equal(2, signatures.Split(' ').Length);
        Assert.True(WebhookSignature.Verify(old, Id, "1614265330", signatures, Body, Attempted));
        Assert.True(WebhookSignature.Verify(next, Id, "1614265330", signatures, Body, Attempted));
        Assert.False(WebhookSignature.Verify(other, Id, "1614265330", signatures, Body, Attempted));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(300, true)]
    [InlineData(-300, true)]
    [InlineData(301, false)]
    [InlineData(-301, false)]
    public void A_receiver_allows_five_minutes_of_clock_difference(int seconds, bool accepted)
    {
        var secret = WebhookSecret.Generate();
        var signatures = WebhookSignature.Sign([secret], Id, Attempted, Body);

        Assert.Equal(accepted, WebhookSignature.Verify(secret, Id, "1614265330", signatures, Body, Attempted.AddSeconds(seconds)));
    }

    [Theory]
    [InlineData("", "1614265330", null)]
    [InlineData(Id + "x", "1614265330", null)]
    [InlineData(null, "1614265330", null)]
    [InlineData(Id, "1614265331", null)]
    [InlineData(Id, "-1", null)]
    [InlineData(Id, "99999999999999999999", null)]
    [InlineData(Id, null, null)]
    [InlineData(Id, "1614265330", "")]
    [InlineData(Id, "1614265330", "v1,")]
    [InlineData(Id, "1614265330", "v1,not base64")]
    [InlineData(Id, "1614265330", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    public void What_was_tampered_with_is_refused(string? id, string? timestamp, string? signatures)
    {
        var secret = Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        Assert.False(WebhookSignature.Verify(secret, id, timestamp, signatures ?? "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Body, Attempted));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    [InlineData("ä")]
    public void An_id_that_could_be_read_two_ways_is_refused(string id) =>
        Assert.Throws<ArgumentException>(() => WebhookSignature.Sign([WebhookSecret.Generate()], id, Attempted, Body));

    [Fact]
    public void A_generated_secret_is_32_bytes_comes_back_and_does_not_show_in_a_log()
    {
        var secret = WebhookSecret.Generate();

        Assert.StartsWith("whsec_", secret.Reveal());
        Assert.Equal(32, Convert.FromBase64String(secret.Reveal()["whsec_".Length..]).Length);
        Assert.Equal(secret.Reveal(), Parse(secret.Reveal()).Reveal());
        Assert.NotEqual(secret.Reveal(), WebhookSecret.Generate().Reveal());
        Assert.Equal("whsec_…", $"{secret}");
    }

    [Theory]
    [InlineData(23, false)]
    [InlineData(24, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    [InlineData(10_000, false)]
    public void A_secret_has_24_to_64_bytes(int bytes, bool valid) => Assert.Equal(valid, WebhookSecret.TryParse("whsec_" + Convert.ToBase64String(new byte[bytes]), out _, out _));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8I\nLPZIo2LaLaSw")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!")]
    public void What_is_no_secret_is_refused_without_being_quoted(string? text)
    {
        Assert.False(WebhookSecret.TryParse(text, out _, out var fault));
        Assert.NotEmpty(fault);
        Assert.DoesNotContain("MfKQ9r8", fault);
    }

    private static WebhookSecret Parse(string text) => WebhookSecret.TryParse(text, out var secret, out var fault) ? secret : throw new FormatException(fault);
}
