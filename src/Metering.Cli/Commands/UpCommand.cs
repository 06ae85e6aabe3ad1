using System.CommandLine;
using Metering.Agent;

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
        var command = new Command("up", "Meters this host: agent, service, SQLite ledger and web page in one process. Ctrl-C stops it.") { data, url, interval, noAgent };
        command.SetAction((parsed, cancel) => ServiceHost.RunAsync(new ServiceHost.Options
        {
            DataDirectory = parsed.GetValue(data)!,
            Url = parsed.GetValue(url)!,
            Settings = AgentConfiguration.Load(parsed.GetValue(data)!, [new("Agent:Interval", parsed.GetValue(interval))]),
            WithAgent = !parsed.GetValue(noAgent),
            ShowLink = true,
        }, cancel));
        return command;
    }
}
