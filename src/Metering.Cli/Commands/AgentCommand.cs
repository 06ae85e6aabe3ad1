using System.CommandLine;
using Metering.Agent;

namespace Metering.Cli.Commands;

/// <summary><c>metering agent</c>: the per-host process, the same as <c>metering-agent</c>.</summary>
internal static class AgentCommand
{
    public static Command Create()
    {
        var data = CommonOptions.Data();
        var url = new Option<string?>("--url") { Description = "The service, for transport http", HelpName = "URL" };
        var interval = new Option<string?>("--interval") { Description = "Time between passes, such as 1s, 10s, 1min; default 10s", HelpName = "SPAN" };
        var command = new Command("agent", "Meters this host and ships to a service, by HTTP (--url) or RabbitMQ (METERING__Broker__Url).") { data, url, interval };
        command.SetAction(async (parsed, cancel) =>
        {
            var directory = parsed.GetValue(data)!;
            Demo.DemoDirectory.Refuse(directory);
            var settings = AgentConfiguration.Load(directory, [new("Agent:ServiceUrl", parsed.GetValue(url)), new("Agent:Interval", parsed.GetValue(interval))]);
            using var loggers = AgentHost.Loggers();
            return await AgentHost.RunAsync(AgentOptions.From(settings, directory, AgentHost.DefaultTransport(settings)), loggers, cancel);
        });
        return command;
    }
}
