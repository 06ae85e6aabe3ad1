using System.CommandLine;
using Metering.Agent;

namespace Metering.Cli.Commands;

/// <summary><c>metering service</c>: the central process.</summary>
internal static class ServiceCommand
{
    public static Command Create()
    {
        var data = CommonOptions.Data();
        var url = new Option<string>("--url") { Description = "Where to listen", DefaultValueFactory = _ => CommonOptions.DefaultUrl, HelpName = "URL" };
        var interval = new Option<string?>("--interval") { Description = "Accepted for symmetry with agent; the service has no passes", Hidden = true };
        var command = new Command("service", "The central service: takes batches by HTTP and, with METERING__Broker__Url, from RabbitMQ; reports, quotas, alerts, web page.") { data, url, interval };
        command.SetAction((parsed, cancel) =>
        {
            Demo.DemoDirectory.Refuse(parsed.GetValue(data)!);
            return ServiceHost.RunAsync(new ServiceHost.Options
            {
                DataDirectory = parsed.GetValue(data)!,
                Url = parsed.GetValue(url)!,
                Settings = AgentConfiguration.Load(parsed.GetValue(data)!),
                WithAgent = false,
            }, cancel);
        });
        return command;
    }
}
