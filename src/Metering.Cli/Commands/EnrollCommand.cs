using System.CommandLine;
using Metering.Agent;

namespace Metering.Cli.Commands;

/// <summary><c>metering enroll</c>: the same as <c>metering-agent enroll</c>.</summary>
internal static class EnrollCommand
{
    public static Command Create()
    {
        var data = CommonOptions.Data();
        var url = new Option<string>("--url") { Description = "The service", Required = true, HelpName = "URL" };
        var file = new Option<string?>("--token-file") { Description = $"Where the token is; default {AgentCommands.TokenVariable}, else standard input", HelpName = "FILE" };
        var command = new Command("enroll", "Exchanges a token of 'metering keys create --role enroll --host HOST' for a key of this host's agent, and keeps it in --data.") { url, file, data };
        command.SetAction((parsed, cancel) => AgentCommands.EnrollAsync(parsed.GetValue(url), parsed.GetValue(file), parsed.GetValue(data)!, cancel));
        return command;
    }
}
