using System.CommandLine;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>metering health</c>: for the health check of a container, exit 0 when the service can do its work.</summary>
internal static class HealthCommand
{
    public static Command Create()
    {
        var url = new Option<string>("--url") { Description = "The service", DefaultValueFactory = _ => CommonOptions.DefaultUrl, HelpName = "URL" };
        var command = new Command("health", "Asks a service whether it is ready; exit 0 when it is, else 1 with the reason. For health checks of containers.") { url };
        command.SetAction((parsed, cancel) =>
            Uri.TryCreate(parsed.GetValue(url), UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
                ? HealthProbe.RunAsync(new Uri(address, "readyz"), cancel)
                : throw UserErrorException.Usage($"--url is '{parsed.GetValue(url)}'; it must be http://HOST:PORT."));
        return command;
    }
}
