using System.Net;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary><c>metering up --demo</c> as a newcomer meets it, and <c>top</c> on it while the service goes away and comes back.</summary>
public sealed class DemoTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_demo_has_everything_says_what_it_is_and_goes_on_after_a_kill()
    {
        TerminalSession.Require();
        MeteringUp.RequireCgroups();
        await using var demo = new MeteringDemo();
        await demo.StartAsync(Cancel);
        Assert.Contains("as a DEMO in ./metering-demo: all hosts but this one are simulated", demo.Output);
        var link = demo.Output.Split('\n').Single(line => line.Contains("/sign-in?token=", StringComparison.Ordinal));
        await PageSaysSoAsync(link[link.IndexOf("http", StringComparison.Ordinal)..].Trim());

        var hosts = (await demo.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray().Select(host => host.GetProperty("host").GetString()!).ToList();
        Assert.Equal(5, hosts.Count(host => host.StartsWith("demo-", StringComparison.Ordinal)));
        Assert.Single(hosts, host => !host.StartsWith("demo-", StringComparison.Ordinal));
        Assert.Equal(3, (await demo.GetAsync("v1/invoices", Cancel)).GetProperty("invoices").GetArrayLength());
        Assert.Equal(4, (await demo.GetAsync("v1/quotas", Cancel)).GetArrayLength());
        Assert.Equal(10, (await demo.GetAsync("v1/tenants/acme/contract", Cancel)).GetProperty("terms")[0].GetProperty("discount").GetDecimal());
        var (code, output) = await demo.RunAsync(Cancel, "cost", "--group-by", "tenant", "--from", "7d", "--data", "metering-demo");
        Assert.True(code == 0, output);
        foreach (var expected in (string[])["acme", "globex", "initech", "EUR", "metering: a demo answered; hosts named demo-… are simulated."]) Assert.Contains(expected, output);

        await TopLivesThroughAKillAsync(demo);

        // Killed and started again: nothing is sent twice and no alarm is raised.
        Assert.All((await demo.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray(), host => Assert.All(host.GetProperty("alarms").EnumerateObject(), alarm => Assert.Equal(0, alarm.Value.GetInt64())));
        Assert.Equal(3, (await demo.GetAsync("v1/invoices", Cancel)).GetProperty("invoices").GetArrayLength());
        (code, output) = await demo.RunAsync(Cancel, "verify", "--data", "metering-demo");
        Assert.True(code == 0 && output.Contains("everything adds up", StringComparison.Ordinal), output);

        (code, output) = await demo.RunAsync(Cancel, "up", "--data", "metering-demo");
        Assert.True(code == 2 && output.Contains("is the data directory of a demo", StringComparison.Ordinal), output);
    }

    private static async Task TopLivesThroughAKillAsync(MeteringDemo demo)
    {
        await using var terminal = new TerminalSession();
        await terminal.StartAsync($"echo before; {demo.CommandLine} top --interval 0.5; echo after $?; sleep 100", 140, 40, Cancel);
        await terminal.UntilAsync("the demo's fleet", text => text.Contains("metering  DEMO  6 hosts") && text.Contains("recommender"), Cancel);

        await terminal.SendAsync(Cancel, "$");
        var screen = await terminal.UntilAsync("order by cost", text => text.Contains("COST/h▼"), Cancel);
        Assert.Matches(@"run rate [0-9.]+ EUR/h, [0-9,.]+ a month", screen);
        await terminal.SendAsync(Cancel, "t");
        screen = await terminal.UntilAsync("the first tenant alone", text => text.Contains("[tenant:acme]") && text.Contains("shop-postgres") && !text.Contains("recommender"), Cancel);
        Assert.DoesNotContain("globex", screen);
        await terminal.SendAsync(Cancel, "?");
        await terminal.UntilAsync("the help line", text => text.Contains("t goes through the tenants"), Cancel);

        await demo.KillAsync(Cancel);
        screen = await terminal.UntilAsync("that the service is away", text => text.Contains("can not be reached") && text.Contains("start it with 'metering up'"), Cancel);
        Assert.Contains("shop-postgres", screen);
        await demo.StartAsync(Cancel);
        await terminal.UntilAsync("figures again", text => !text.Contains("can not be reached") && text.Contains("shop-postgres"), Cancel);

        await terminal.SendAsync(Cancel, "q");
        await terminal.UntilAsync("the screen as before", text => text.Contains("before") && text.Contains("after 0") && !text.Contains("TENANT"), Cancel);
    }

    private static async Task PageSaysSoAsync(string link)
    {
        using var browser = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() });
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        var page = await browser.GetStringAsync(link, Cancel);
        if (!page.Contains("class=\"demo\"", StringComparison.Ordinal)) page = await browser.GetStringAsync(new Uri(new Uri(link), "/"), Cancel);
        Assert.Contains("Demo: all hosts but this one are simulated", page);
    }
}
