using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Cli.Client;
using Metering.Cli.Running;
using Metering.Cli.Top;
using Metering.Safety;
using Metering.Service.Reports;

namespace Metering.Cli.Commands;

/// <summary><c>metering prove PATH</c>: the kernel's counter beside the ledger's, from stored batch bytes.</summary>
internal static class ProveCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("PATH") { Description = "cgroup path, below the cgroup2 root or with its mount point" };
        var host = new Option<string?>("--host") { Description = "The host id; default this machine's", HelpName = "ID" };
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command("prove", "Shows the kernel's CPU counter of a cgroup, what the ledger has billed of it, what is held back and what is left; of a cgroup that has ended, what the ledger has. Exit 1 if more was billed than the kernel counted or a parent does not add up.") { path, host, url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            var asked = parsed.GetValue(host);
            var local = asked is null || asked == (LocalHost.OfJournal(parsed.GetValue(data)!) ?? HostFacts.DefaultHostId());
            var root = local ? CgroupMounts.Read().Unified : null;
            var cgroup = IdentifyFormat.CgroupPath(parsed.GetValue(path)!, root is null ? IdentifyFormat.UsualMountPoints : [root, .. IdentifyFormat.UsualMountPoints]);
            var id = asked ?? (await LocalHost.FindAsync(client, parsed.GetValue(data)!, cancel)).Id;
            using var tree = root is null ? null : new KernelTree(root);
            var proof = await ProveAsync(client, tree, id, cgroup, cancel);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(proof, CliJson.Indented));
            else Write(proof);
            return proof.IsOverbilled || proof.IsBroken ? 1 : 0;
        });
        return command;
    }

    private static async Task<Proof> ProveAsync(ApiClient client, KernelTree? tree, string host, string path, CancellationToken cancel)
    {
        var display = CgroupName.Display(path);
        var answer = await client.FindAsync($"v1/proof?host={Uri.EscapeDataString(host)}&path={Uri.EscapeDataString(display)}", cancel);

        // The kernel is read after the ledger: what it counted before can not be missing from its figure.
        var (inode, kernel) = (0UL, 0UL);
        var lives = tree is not null && KernelCounter.TryRead(tree, path, out inode, out kernel);
        if (answer?.Deserialize<ProofView>(CliJson.Compact) is not { } ledger)
            throw new UserErrorException($"The ledger does not know '{Tables.Inert(path)}' of host {host}; " + (lives
                ? "if the cgroup is new, wait for the next pass; below a workload that is billed as a whole, ask for that workload's path."
                : "there is no such cgroup now, and none was metered by this agent's present journal."));
        if (lives && path != "/" && ledger.Inode != inode)
            throw new UserErrorException($"The ledger knows an earlier cgroup at '{Tables.Inert(path)}' (inode {ledger.Inode}, now {inode}); wait for the next pass.");
        var hosts = (await client.GetAsync("v1/hosts", cancel)).GetProperty("hosts").EnumerateArray();
        var alarms = hosts.Where(row => Tables.Text(row, "host") == host).Select(AlarmText.Of).FirstOrDefault() ?? "";
        return new Proof(host, display, ledger.Inode, ledger.Ended || (tree is not null && !lives), lives ? (long)kernel : null, ledger.BeforeMeteringMicroseconds, ledger.LedgerMicroseconds, ledger.HeldMicroseconds,
            ledger.LastWindowEnd, ledger.Parent, ledger.Above, alarms, ledger.ExpiredThrough);
    }

    private static void Write(Proof proof)
    {
        Tables.WriteFacts(Console.Out,
        [
            ("cgroup", $"{proof.Path} (inode {proof.Inode})"),
            ("kernel now", proof.KernelMicroseconds is { } kernel ? Micro(kernel) : proof.Ended ? "gone: the cgroup has ended" : "not asked: it is on another host"),
            (proof.ExpiredThrough is null ? "before metering" : "counted before", Micro(proof.BeforeMeteringMicroseconds)),
            ("ledger", Micro(proof.LedgerMicroseconds)),
            ("held back", Micro(proof.HeldMicroseconds)),
            ("difference", proof.DifferenceMicroseconds is { } difference ? Micro(difference) : ""),
            ("ledger is at", proof.LastWindowEnd.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
            ("with children", Sandwich(proof.Parent)),
            ("its parent", Sandwich(proof.Above)),
            ("alarms of host", proof.Alarms.Length > 0 ? proof.Alarms : "none"),
        ]);
        Console.Out.WriteLine(proof.IsOverbilled ? "  OVERBILLED: the ledger has more than the kernel counted; this is a fault, please report it with 'metering verify'."
            : proof.IsBroken ? "  BROKEN: a parent and its children do not add up; run 'metering verify'."
            : proof.ExpiredThrough is { } expired ? string.Create(CultureInfo.InvariantCulture, $"  Batches up to {expired.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z have expired, and what they billed of it is not in the ledger's figure here; receipts and hourly sums of them stay, and 'metering verify' holds the ledger against those.")
            : proof.DifferenceMicroseconds is not { } left ? proof.Ended ? "  What the ledger has is final; 'metering verify' recomputes it from the stored batches." : "  Run it on that host to compare with its kernel."
            : left == 0 ? "  Everything that the kernel counted is billed, to the microsecond."
            : "  The difference was used since the last pass; the next one bills it.");
    }

    // before − held ≤ own + below ≤ after
    private static string Sandwich(ParentView? parent) => parent is null ? "" : string.Create(CultureInfo.InvariantCulture,
        $"{(parent.Holds ? "adds up" : "DOES NOT ADD UP")}: {parent.Before:#,##0} − {parent.Held:#,##0} ≤ own {parent.Own:#,##0} + below {parent.Below:#,##0} ≤ {parent.After:#,##0} µs");

    private static string Micro(long microseconds) => microseconds.ToString("#,##0", CultureInfo.InvariantCulture).PadLeft(20) + " µs";
}
