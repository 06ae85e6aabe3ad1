using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Cli.Client;
using Metering.Cli.Running;
using Metering.Safety;

namespace Metering.Cli.Commands;

/// <summary><c>metering prove PATH</c>: the kernel's counter beside the ledger's, from stored batch bytes.</summary>
internal static class ProveCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("PATH") { Description = "cgroup path, below the cgroup2 root or with its mount point" };
        var host = new Option<string?>("--host") { Description = "The host id; default this machine's", HelpName = "ID" };
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command("prove", "Shows the kernel's CPU counter of a cgroup, what the ledger has billed of it, what is held back and what is left. Exit 1 if more was billed than the kernel counted.") { path, host, url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            var root = CgroupMounts.Read().Unified;
            var asked = IdentifyFormat.CgroupPath(parsed.GetValue(path)!, [root, .. IdentifyFormat.UsualMountPoints]);
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            var id = parsed.GetValue(host) ?? (await LocalHost.FindAsync(client, parsed.GetValue(data)!, cancel)).Id;
            using var tree = new KernelTree(root);
            var proof = await ProveAsync(client, tree, id, asked, cancel);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(proof, CliJson.Indented));
            else Write(proof);
            return proof.IsOverbilled ? 1 : 0;
        });
        return command;
    }

    private static async Task<Proof> ProveAsync(ApiClient client, KernelTree tree, string host, string path, CancellationToken cancel)
    {
        if (!KernelCounter.TryRead(tree, path, out _, out _))
            throw new UserErrorException($"There is no cgroup '{Tables.Inert(path)}' in {tree.MountPoint} (any more); 'metering usage --filter \"path:{Tables.Inert(path)}\"' shows what was billed of it.");
        var display = CgroupName.Display(path);
        var answer = await client.FindAsync($"v1/proof?host={Uri.EscapeDataString(host)}&path={Uri.EscapeDataString(display)}", cancel)
            ?? throw new UserErrorException($"The ledger does not know '{Tables.Inert(path)}' of host {host}; if the cgroup is new, wait for the next pass; below a workload that is billed as a whole, ask for that workload's path.");

        // The kernel is read after the ledger: what it counted before can not be missing from its figure.
        if (!KernelCounter.TryRead(tree, path, out var inode, out var kernel)) throw new UserErrorException($"The cgroup '{Tables.Inert(path)}' ended just now.");
        var known = answer.GetProperty("inode").GetUInt64();
        if (path != "/" && known != inode)
            throw new UserErrorException($"The ledger knows an earlier cgroup at '{Tables.Inert(path)}' (inode {known}, now {inode}); wait for the next pass.");
        return new Proof(display, inode, (long)kernel, answer.GetProperty("beforeMeteringMicroseconds").GetInt64(), answer.GetProperty("ledgerMicroseconds").GetInt64(),
            answer.GetProperty("heldMicroseconds").GetInt64(), answer.GetProperty("lastWindowEnd").GetDateTimeOffset());
    }

    private static void Write(Proof proof)
    {
        Tables.WriteFacts(Console.Out,
        [
            ("cgroup", $"{proof.Path} (inode {proof.Inode})"),
            ("kernel now", Micro(proof.KernelMicroseconds)),
            ("before metering", Micro(proof.BeforeMeteringMicroseconds)),
            ("ledger", Micro(proof.LedgerMicroseconds)),
            ("held back", Micro(proof.HeldMicroseconds)),
            ("difference", Micro(proof.DifferenceMicroseconds)),
            ("ledger is at", proof.LastWindowEnd.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
        ]);
        Console.Out.WriteLine(proof.IsOverbilled ? "  OVERBILLED: the ledger has more than the kernel counted; this is a fault, please report it with 'metering verify'."
            : proof.DifferenceMicroseconds == 0 ? "  Everything that the kernel counted is billed, to the microsecond."
            : "  The difference was used since the last pass; the next one bills it.");
    }

    private static string Micro(long microseconds) => microseconds.ToString("#,##0", CultureInfo.InvariantCulture).PadLeft(20) + " µs";
}
