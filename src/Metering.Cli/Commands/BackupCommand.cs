using System.CommandLine;
using Metering.Cli.Backups;
using Metering.Cli.Client;

namespace Metering.Cli.Commands;

/// <summary><c>metering backup</c> and <c>metering restore</c>.</summary>
internal static class BackupCommand
{
    public static Command Backup()
    {
        var data = CommonOptions.Data();
        var target = new Argument<string>("DIR") { Description = "The backup to make; must not be there yet" };
        var command = new Command("backup", "Copies the ledger, SQLite or PostgreSQL, and the service's keys while the service runs. Agents' journals stay where they are.") { target, data };
        command.SetAction(async (parsed, cancel) =>
        {
            var manifest = await LedgerBackup.MakeAsync(parsed.GetValue(data)!, parsed.GetValue(target)!, TimeProvider.System, cancel);
            Console.Out.WriteLine($"{parsed.GetValue(target)}: {manifest.Files.Count} files, {Tables.Bytes(manifest.Files.Sum(file => file.Bytes))}. It holds keys: keep it as safe as the service.");
            return 0;
        });
        return command;
    }

    public static Command Restore()
    {
        var data = CommonOptions.Data();
        var source = new Argument<string>("DIR") { Description = "What 'metering backup' made" };
        var replace = new Option<bool>("--replace") { Description = "Where there is a ledger: SQLite's is put aside, PostgreSQL's is dropped" };
        var command = new Command("restore", "Puts a backup in the place of a ledger whose service is stopped. Agents send again what they have kept since.") { source, data, replace };
        command.SetAction(async (parsed, cancel) =>
        {
            var aside = await LedgerRestore.RunAsync(parsed.GetValue(source)!, parsed.GetValue(data)!, parsed.GetValue(replace), TimeProvider.System, cancel);
            if (aside is not null) Console.Out.WriteLine($"The ledger that was there is now {aside}.");
            Console.Out.WriteLine("Restored. Start the service; agents send again what they have kept (Journal:Keep), and 'metering verify' checks that it adds up.");
            return 0;
        });
        return command;
    }
}
