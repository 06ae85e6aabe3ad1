using System.Net;
using System.Net.Sockets;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>What can not work ends at once, with one sentence and the right code.</summary>
public sealed class StartUpErrorTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_up_on_the_same_directory_is_refused()
    {
        await using var first = ServiceProcess.Up();
        await first.StartReadyAsync(Cancel);

        await using var second = MeteringProcess.Launch(["up", "--data", first.Directory.Path, "--url", $"http://127.0.0.1:{Ports.Free()}"]);

        Assert.Equal(1, await second.WaitForExitAsync(Soon, Cancel));
        var line = Assert.Single(second.Lines);
        Assert.Contains("in use", line);
        Assert.Equal(HttpStatusCode.OK, await first.StatusAsync("/readyz", Cancel));
    }

    [Fact]
    public async Task A_port_in_use_is_named_without_a_stack_trace()
    {
        using var directory = new TestDirectory();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";

        await using var up = MeteringProcess.Launch(["up", "--data", directory.Path, "--url", url]);

        Assert.Equal(1, await up.WaitForExitAsync(Soon, Cancel));
        Assert.DoesNotContain("   at ", up.Output);
        Assert.Contains(url, Assert.Single(up.Lines, line => line.StartsWith("metering: ", StringComparison.Ordinal)));
        Assert.DoesNotContain("Exception", up.Output);
    }

    [Theory]
    [InlineData("METERING__Agent__Interval", "7s", "Agent:Interval", "15min")]
    [InlineData("METERING__Agent__HostId", "a b", "Agent:HostId", "1 to 64")]
    [InlineData("METERING__Journal__MaxBytes", "12", "Journal:MaxBytes", "1048576")]
    [InlineData("METERING__Journal__Keep", "-1h", "Journal:Keep", "365d")]
    [InlineData("METERING__Ledger__Grain", "20min", "Ledger:Grain", "15min")]
    [InlineData("METERING__Ledger__ConnectionString", "nonsense", "Ledger:ConnectionString", "Data Source=")]
    [InlineData("METERING__Alerts__AllowedAddresses", "127.0.0.1/99", "Alerts:AllowedAddresses", "127.0.0.1/99")]
    [InlineData("METERING__Invoices__PaymentDays", "400", "Invoices:PaymentDays", "0 to 365")]
    [InlineData("METERING__Invoices__SellerTaxId", "1", "Invoices:SellerName", "is missing")]
    [InlineData("METERING__Agent__Intervall", "1s", "Agent:Intervall", "Agent:Interval")]
    [InlineData("METERING__Agent__MaxWorkloadsPerParent", "0", "Agent:MaxWorkloadsPerParent", "1000000")]
    public async Task A_wrong_setting_ends_with_2_naming_key_and_range(string variable, string value, string key, string range)
    {
        using var directory = new TestDirectory();
        await using var up = MeteringProcess.Launch(["up", "--data", directory.Path, "--url", $"http://127.0.0.1:{Ports.Free()}"], new Dictionary<string, string?> { [variable] = value });

        Assert.Equal(2, await up.WaitForExitAsync(Soon, Cancel));
        var line = Assert.Single(up.Lines);
        Assert.Contains(key, line);
        Assert.Contains(range, line);
    }

    [Theory]
    [InlineData("--interval", "soon")]
    [InlineData("--url", "ftp://example")]
    [InlineData("--nonsense", "1")]
    public async Task A_wrong_option_ends_with_2(string option, string value)
    {
        using var directory = new TestDirectory();
        await using var up = MeteringProcess.Launch(["up", "--data", directory.Path, option, value]);

        Assert.Equal(2, await up.WaitForExitAsync(Soon, Cancel));
        Assert.DoesNotContain("   at ", up.Output);
        Assert.Contains(option == "--interval" ? "Agent:Interval" : option, up.Output);
    }

    [Fact]
    public async Task An_agent_that_does_not_know_where_to_ship_says_so()
    {
        using var directory = new TestDirectory();
        await using var agent = MeteringProcess.Launch(["agent", "--data", directory.Path]);

        Assert.Equal(2, await agent.WaitForExitAsync(Soon, Cancel));
        Assert.Contains("--url", Assert.Single(agent.Lines));
    }
}
