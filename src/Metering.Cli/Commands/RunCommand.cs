using System.CommandLine;
using Metering.Agent.Cgroups;
using Metering.Cli.Client;
using Metering.Cli.Running;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>metering run -- COMMAND</c>: runs it in a cgroup of its own and prints a receipt.</summary>
internal static class RunCommand
{
    public const string Name = "run";

    private sealed record Request(IReadOnlyList<string> Command, string? Tenant, string Data, bool Json);

    public static Command Create()
    {
        var line = new Argument<string[]>("COMMAND") { Description = "The command and its arguments, after --", Arity = ArgumentArity.OneOrMore };
        var tenant = new Option<string?>("--tenant") { Description = "Bill the tenant; makes the ownership rule for /metering/TENANT/* when it is missing", HelpName = "TENANT" };
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command(Name, "Runs a command in a cgroup of its own and prints a receipt: CPU by the kernel and by the ledger, peak memory, I/O, cost. Ends with the command's exit code.") { line, tenant, url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            return await RunAsync(client, new Request(parsed.GetValue(line)!, parsed.GetValue(tenant), parsed.GetValue(data)!, parsed.GetValue(format) == "json"), TimeProvider.System, cancel);
        });
        return command;
    }

    private static async Task<int> RunAsync(ApiClient client, Request request, TimeProvider clock, CancellationToken cancel)
    {
        var program = request.Command[0];
        var found = Executable.Check(program, Environment.GetEnvironmentVariable("PATH"));
        if (found == 127) throw new UserErrorException($"The command '{Tables.Inert(program)}' was not found; check its name, its path and PATH.", exitCode: 127);
        if (found == 126) throw new UserErrorException($"The command '{Tables.Inert(program)}' can not be executed; check its permissions (chmod +x).", exitCode: 126);
        if (request.Tenant is { } tenant) TenantRule.Check(tenant);
        var mounts = CgroupMounts.Read();
        var (host, row) = await LocalHost.FindAsync(client, request.Data, cancel);
        if (request.Tenant is not null && await TenantRule.EnsureAsync(client, request.Tenant, cancel))
            await Console.Error.WriteLineAsync($"metering: usage below /metering/{request.Tenant}/ now belongs to tenant {request.Tenant} (new ownership rule).");
        var from = clock.GetUtcNow();
        var group = RunGroup.Create(mounts, request.Tenant);
        try
        {
            var (exitCode, wall) = await MeteredCommand.RunAsync(group, request.Command, clock, cancel);
            var receipt = await SettleAsync(client, request, group, host, row, from, exitCode, wall, clock, cancel);
            if (request.Json) Console.Out.WriteLine(receipt.ToJson());
            else receipt.Write(Console.Out);
            if (receipt.DifferenceMicroseconds != 0)
                await Console.Error.WriteLineAsync($"metering: the ledger still misses {receipt.DifferenceMicroseconds} µs of {group.Path}; nothing is lost, the agent's next passes bill it (is it running? see 'metering doctor').");
            return exitCode;
        }
        finally
        {
            group.Remove();
        }
    }

    private static async Task<Receipt> SettleAsync(
        ApiClient client, Request request, RunGroup group, string host, System.Text.Json.JsonElement row, DateTimeOffset from, int exitCode, TimeSpan wall, TimeProvider clock, CancellationToken cancel)
    {
        group.RemoveBelow();
        var settlement = new Settlement(client, host, group.Path, from, clock);
        var billed = await settlement.WaitAsync(group.UsageMicroseconds, row, cancel);
        var (cost, currency, tenant) = await settlement.CostAsync(cancel);
        var io = group.Io();
        return new Receipt
        {
            Command = request.Command,
            ExitCode = exitCode,
            WallSeconds = decimal.Round((decimal)wall.TotalSeconds, 6),
            KernelMicroseconds = group.UsageMicroseconds(),
            BilledMicroseconds = billed,
            PeakMemoryBytes = group.PeakMemoryBytes(),
            IoReadBytes = io?.Read,
            IoWriteBytes = io?.Written,
            Cost = cost,
            Currency = currency,
            Tenant = tenant ?? request.Tenant ?? "unattributed",
            Workload = group.Path,
            Host = host,
        };
    }
}
