using System.CommandLine;
using Metering.Agent.Cgroups;
using Metering.Cli;
using Metering.Cli.Commands;
using Metering.Cli.Help;
using Metering.Safety;

// Before anything that needs a descriptor: without one there is no standard error to say so either.
if (DescriptorBudget.Refusal(args is ["up" or "service", ..] ? DescriptorBudget.Service : DescriptorBudget.Agent) is { } refusal)
{
    Console.Error.WriteLine("metering: " + refusal);
    return 1;
}

var root = CommandTree.Create();

// An argument that begins with '@' is an argument, not a file of arguments: it may belong to the command of 'run'.
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (args.Length == 0)
{
    CommandTree.Create().Parse(["--help"]).Invoke(new InvocationConfiguration { Output = Console.Error });
    return 2;
}

if (WrongUse.Of(parsed) is { } wrong)
{
    await Console.Error.WriteLineAsync("metering: " + wrong);
    return 2;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,

        // 'run' passes signals on to its command and still prints the receipt.
        ProcessTerminationTimeout = parsed.CommandResult.Command.Name == RunCommand.Name ? null : TimeSpan.FromSeconds(20),
    });
}
catch (UserErrorException e)
{
    await Console.Error.WriteLineAsync("metering: " + e.Message);
    return e.ExitCode;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    // A full disk behind standard output, a file that went away.
    await Console.Error.WriteLineAsync($"metering: {e.Message.TrimEnd('.')}; check the disk, the file and its permissions.");
    return 1;
}
catch (System.Text.Json.JsonException)
{
    await Console.Error.WriteLineAsync("metering: what answers at --url is no metering service (its answer is no JSON); check the address.");
    return 1;
}
catch (OperationCanceledException)
{
    return 130;
}
