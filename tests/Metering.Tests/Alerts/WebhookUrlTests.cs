using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class WebhookUrlTests
{
    [Theory]
    [InlineData("https://hooks.example.com/metering?x=1")]
    [InlineData("http://hooks.example.com")]
    [InlineData("https://hooks.example.com:8443/a%20b")]
    [InlineData("http://hooks.example.com:443/")]
    [InlineData("HTTPS://HOOKS.example.com/")]
    [InlineData("https://xn--bcher-kva.example/")]
    [InlineData("https://8.8.8.8/")]
    [InlineData("https://[2606:4700:4700::1111]/")]
    public void Ordinary_urls_are_accepted(string text)
    {
        Assert.True(WebhookUrl.TryParse(text, AddressPolicy.PublicOnly, out var url, out var faults), string.Join(" ", faults));
        Assert.Equal(new Uri(text), url.Uri);
    }

    [Theory]
    [InlineData(null, "1 to 2048")]
    [InlineData("", "1 to 2048")]
    [InlineData("hooks.example.com/x", "not an absolute URL")]
    [InlineData("//hooks.example.com/x", "only https and http")]
    [InlineData("/etc/passwd", "only https and http")]
    [InlineData("https://", "not an absolute URL")]
    [InlineData("file:///etc/passwd", "only https and http")]
    [InlineData("gopher://127.0.0.1:70/_x", "only https and http")]
    [InlineData("ftp://hooks.example.com/", "only https and http")]
    [InlineData("javascript:alert(1)", "only https and http")]
    [InlineData("unix:///run/docker.sock", "only https and http")]
    [InlineData("http://127.0.0.1/", "not public (loopback)")]
    [InlineData("http://127.1/", "unusual spelling")]
    [InlineData("http://127.1/", "not public (loopback)")]
    [InlineData("http://2130706433/", "not public (loopback)")]
    [InlineData("http://0x7f.1/", "not public (loopback)")]
    [InlineData("http://0x7f000001/", "not public (loopback)")]
    [InlineData("http://0177.0.0.1/", "not public (loopback)")]
    [InlineData("http://0/", "this host")]
    [InlineData("http://134744072/", "unusual spelling of the address 8.8.8.8")]
    [InlineData("http://127.0.0.1./", "not a host name")]
    [InlineData("http://1.2.3.256/", "not a host name")]
    [InlineData("http://0x7f.0x1.example.0x2/", "not a host name")]
    [InlineData("http://[::1]/", "not public (loopback)")]
    [InlineData("http://[::ffff:127.0.0.1]/", "not public (loopback)")]
    [InlineData("http://[::ffff:7f00:1]/", "not public (loopback)")]
    [InlineData("http://[0:0:0:0:0:ffff:7f00:1]/", "not public (loopback)")]
    [InlineData("http://[64:ff9b::a9fe:a9fe]/", "link-local")]
    [InlineData("http://[2002:7f00:1::]/", "not public (loopback)")]
    [InlineData("http://[fe80::1%25eth0]/", "link-local")]
    [InlineData("http://localhost/", "is this host")]
    [InlineData("http://localhost./", "is this host")]
    [InlineData("http://LOCALHOST/", "is this host")]
    [InlineData("http://a.localhost/", "is this host")]
    [InlineData("http://169.254.169.254/latest/meta-data", "link-local")]
    [InlineData("https://user@hooks.example.com/", "user name")]
    [InlineData("https://user:secret@hooks.example.com/", "user name")]
    [InlineData("https://hooks.example.com@127.0.0.1/", "user name")]
    [InlineData("https://@hooks.example.com/", "user name")]
    [InlineData("http://hooks.example.com:22/", "Port 22 is not allowed")]
    [InlineData("http://hooks.example.com:0/", "Port 0 is not allowed")]
    [InlineData("https://hooks.example.com/#x", "fragment")]
    [InlineData("https://hooks.example.com\\@127.0.0.1/", "backslashes")]
    [InlineData("https:\\\\127.0.0.1/", "backslashes")]
    [InlineData(" https://hooks.example.com/", "spaces")]
    [InlineData("https://hooks.example.com/\n", "control characters")]
    [InlineData("https://hooks.example.com/\r\nX-Injected: 1", "control characters")]
    [InlineData("http://１２７.0.0.1/", "beyond ASCII")]
    [InlineData("http://bücher.example/", "punycode")]
    [InlineData("http://%31%32%37.0.0.1/", "not an absolute URL")]
    [InlineData("http://loc%61lhost/", "not an absolute URL")]
    [InlineData("http://a..example.com/", "not ")]
    public void Others_are_refused_with_the_reason(string? text, string reason)
    {
        Assert.False(WebhookUrl.TryParse(text, AddressPolicy.PublicOnly, out _, out var faults));
        Assert.Contains(faults, fault => fault.Contains(reason));
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        Assert.False(WebhookUrl.TryParse("http://user@10.1:22/#x", AddressPolicy.PublicOnly, out _, out var faults));

        Assert.Equal(5, faults.Count);
    }

    [Theory]
    [InlineData("127.0.0.0/8", "http://127.0.0.1:5000/", true)]
    [InlineData("127.0.0.1", "http://127.0.0.1:5000/", true)]
    [InlineData("127.0.0.1:5000", "http://127.0.0.1:5000/", true)]
    [InlineData("127.0.0.1:5000", "http://127.0.0.1:5001/", false)]
    [InlineData("localhost:5000", "http://localhost:5000/", true)]
    [InlineData("localhost", "http://localhost/", true)]
    [InlineData("[::1]:5000", "http://[::1]:5000/", true)]
    [InlineData("10.0.0.0/8", "http://hooks.internal:9000/", true)]
    [InlineData("10.0.0.0/8", "http://11.0.0.1:9000/", false)]
    [InlineData("127.0.0.0/8", "http://127.1:5000/", false)]
    [InlineData("127.0.0.0/8", "file:///etc/passwd", false)]
    public void What_the_operator_allows_is_accepted(string entry, string text, bool accepted)
    {
        Assert.True(AddressPolicy.TryCreate([entry], out var policy, out _));

        Assert.Equal(accepted, WebhookUrl.TryParse(text, policy, out _, out _));
    }
}
