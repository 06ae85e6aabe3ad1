using System.CommandLine;
using System.CommandLine.Parsing;
using Metering.Agent.Cgroups;
using Metering.Cli;
using Metering.Cli.Commands;
using Metering.Safety;

// Before anything that needs a descriptor: without one there is no standard error to say so either.
if (DescriptorBudget.Refusal(args is ["up" or "service", ..] ? DescriptorBudget.Service : DescriptorBudget.Agent) is { } refusal)
{
    Console.Error.WriteLine("metering: " + refusal);
    return 1;
}

var root = new RootCommand("Metering: exact resource metering and billing for Linux hosts.")
{
    UpCommand.Create(),
    AgentCommand.Create(),
    ServiceCommand.Create(),
    TopCommand.Create(),
    DoctorCommand.Create(),
    EnrollCommand.Create(),
    HealthCommand.Create(),
    BackupCommand.Backup(),
    BackupCommand.Restore(),
    IdentifyCommand.Create(),
    UsageCommand.Create("usage"),
    UsageCommand.Create("cost"),
    ResourceCommand.Tenants(),
    ResourceCommand.Ownership(),
    ResourceCommand.Prices(),
    ResourceCommand.Contracts(),
    ResourceCommand.Allocation(),
    BillingCommand.Periods(),
    BillingCommand.Invoices(),
    ExportCommand.Create(),
    ResourceCommand.Quotas(),
    ResourceCommand.Plans(),
    ResourceCommand.Enforcement(),
    ResourceCommand.Reports(),
    AlertCommand.Webhooks(),
    AlertCommand.Alerts(),
    AlertCommand.Silences(),
    ResourceCommand.Keys(),
    RunCommand.Create(),
    ProveCommand.Create(),
    VerifyCommand.Create(),
    TimeSeriesCommand.Create(),
    SimulateCommand.Create(),
};

// An argument that begins with '@' is an argument, not a file of arguments: it may belong to the command of 'run'.
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) await Console.Error.WriteLineAsync("metering: " + error.Message.ReplaceLineEndings(" "));
    var names = new List<string>();
    for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: var command } && command != root; at = at.Parent) names.Insert(0, command.Name + " ");
    await Console.Error.WriteLineAsync($"See 'metering {string.Concat(names)}--help'.");
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
