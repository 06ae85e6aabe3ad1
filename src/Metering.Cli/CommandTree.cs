using System.CommandLine;
using Metering.Cli.Commands;
using Metering.Cli.Help;

namespace Metering.Cli;

/// <summary>All commands, in the order in which help shows them.</summary>
internal static class CommandTree
{
    public static RootCommand Create()
    {
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
            QuarantineCommand.Create(),
            TimeSeriesCommand.Create(),
            SimulateCommand.Create(),
            CompletionCommand.Create(),
        };
        ExampleHelp.Attach(root);
        return root;
    }
}
