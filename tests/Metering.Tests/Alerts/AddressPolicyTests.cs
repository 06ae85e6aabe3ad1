using System.Net;
using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class AddressPolicyTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.0.0.1")]
    [InlineData("10.255.255.255")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.19.255.255")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.255")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::7f00:1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    [InlineData("100::1")]
    [InlineData("2001:db8::1")]
    [InlineData("5f00::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:a9fe:a9fe")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::808:808")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("2002:a00:1::")]
    [InlineData("2002:a9fe:a9fe::")]
    // Teredo: the server is public, the client 127.0.0.1 (inverted); then the other way round.
    [InlineData("2001:0:808:808:0:0:80ff:fffe")]
    [InlineData("2001:0:7f00:1:0:0:f7f7:f7f7")]
    [InlineData("2a00:1450::5efe:7f00:1")]
    public void Addresses_that_are_not_public_are_refused(string address)
    {
        Assert.NotNull(AddressPolicy.NotPublic(IPAddress.Parse(address)));
        Assert.NotNull(AddressPolicy.PublicOnly.Refusal("hooks.example.com", 443, IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("8.8.8.8")]
    [InlineData("11.0.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.0")]
    [InlineData("126.255.255.255")]
    [InlineData("128.0.0.1")]
    [InlineData("169.253.255.255")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("192.167.255.255")]
    [InlineData("192.169.0.0")]
    [InlineData("198.17.255.255")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::808:808")]
    [InlineData("2002:808:808::1")]
    [InlineData("2001:0:808:808:0:0:f7f7:f7f7")]
    public void Public_addresses_are_not(string address) => Assert.Null(AddressPolicy.PublicOnly.Refusal("hooks.example.com", 443, IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.1.0.0/16", "a.example", 9000, "10.1.2.3", true)]
    [InlineData("10.1.0.0/16", "a.example", 22, "::ffff:10.1.2.3", true)]
    [InlineData("10.1.0.0/16", "a.example", 443, "10.2.0.1", false)]
    [InlineData("10.1.0.0/16", "a.example", 9000, "8.8.8.8", false)]
    [InlineData("127.0.0.1", "localhost", 1234, "127.0.0.1", true)]
    [InlineData("127.0.0.1", "localhost", 1234, "127.0.0.2", false)]
    [InlineData("::1", "localhost", 1234, "::1", true)]
    [InlineData("fd00::/8", "a.example", 1234, "fd12::1", true)]
    [InlineData("hooks.internal", "Hooks.Internal.", 443, "10.0.0.1", true)]
    [InlineData("hooks.internal", "hooks.internal", 9000, "10.0.0.1", false)]
    [InlineData("hooks.internal:9000", "hooks.internal", 9000, "10.0.0.1", true)]
    [InlineData("hooks.internal:9000", "hooks.internal", 443, "10.0.0.1", false)]
    [InlineData("hooks.internal", "evil.hooks.internal", 443, "10.0.0.1", false)]
    [InlineData("127.0.0.1:9000", "127.0.0.1", 9000, "127.0.0.1", true)]
    [InlineData("127.0.0.1:9000", "127.0.0.1", 9001, "127.0.0.1", false)]
    [InlineData("[::1]:9000", "::1", 9000, "::1", true)]
    [InlineData("[::1]:9000", "[::1]", 9000, "::1", true)]
    public void The_operator_can_allow_networks_addresses_and_hosts(string entry, string host, int port, string address, bool allowed)
    {
        Assert.True(AddressPolicy.TryCreate([entry], out var policy, out var faults), string.Join(" ", faults));

        Assert.Equal(allowed, policy.Refusal(host, port, IPAddress.Parse(address)) is null);
    }

    [Fact]
    public void Every_entry_that_cannot_be_read_is_named()
    {
        var bad = new[] { "", "10.0.0.0/33", "a b", "host:0", "host:65536", "host:x", "http://host", "*.example.com", "[::1", "user@host" };

        Assert.False(AddressPolicy.TryCreate([.. bad, "10.0.0.0/8"], out _, out var faults));

        Assert.Equal(bad.Length, faults.Count);
        foreach (var entry in bad) Assert.Contains(faults, fault => fault.Contains($"'{entry}'"));
    }
}
