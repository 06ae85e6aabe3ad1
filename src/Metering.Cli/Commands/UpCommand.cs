using System.CommandLine;
using Metering.Agent;
using Metering.Cli.Demo;

namespace Metering.Cli.Commands;

/// <summary><c>metering up</c>: agent, service, SQLite ledger and web page in one process.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var data = CommonOptions.Data();
        var url = new Option<string>("--url") { Description = "Where to listen", DefaultValueFactory = _ => CommonOptions.DefaultUrl, HelpName = "URL" };
        var interval = new Option<string?>("--interval") { Description = "Time between passes, such as 1s, 10s, 1min; default 10s", HelpName = "SPAN" };
        var noAgent = new Option<bool>("--no-agent") { Description = "Do not meter this host, only serve" };
        var demo = new Option<bool>("--demo") { Description = $"Beside this host a simulated fleet with tenants, prices, quotas and a closed month, in a directory of its own (default {DemoDirectory.Default})" };
        var command = new Command("up", "Meters this host: agent, service, SQLite ledger and web page in one process. Ctrl-C stops it.") { data, url, interval, noAgent, demo };
        command.SetAction((parsed, cancel) =>
        {
            var isDemo = parsed.GetValue(demo);
            var directory = isDemo && parsed.GetResult(data) is null or { Implicit: true } ? DemoDirectory.Default : parsed.GetValue(data)!;
            if (!isDemo) DemoDirectory.Refuse(directory);
            var settings = AgentConfiguration.Load(directory, [new("Agent:Interval", parsed.GetValue(interval))]);
            return ServiceHost.RunAsync(new ServiceHost.Options
            {
                DataDirectory = directory,
                Url = parsed.GetValue(url)!,
                Settings = settings,
                WithAgent = !parsed.GetValue(noAgent),
                ShowLink = true,
                Demo = isDemo ? DemoDirectory.Open(directory, settings, TimeProvider.System.GetUtcNow()) : null,
            }, cancel);
        });
        return command;
    }
}
