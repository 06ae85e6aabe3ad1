using System.Net;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Disks that are full, and disks that fail, under the journal and under the ledger of the real program.</summary>
public sealed class BadDiskTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_a_full_file_system_nothing_is_acknowledged_reading_goes_on_and_all_of_it_is_billed_afterwards()
    {
        ServerPackages.RequireRoot("a small file system is mounted");

        // Of its own, in a mount namespace that ends with the process; seen from here through /proc/PID/root.
        await using var up = ServiceProcess.Up(under: ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64m,mode=700 tmpfs \"$5\" && exec \"$@\"", "sh"]);
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        cgroup.Burn();
        await up.SeenAsync(cgroup.Path, Cancel);

        var filler = $"/proc/{up.Child.Id}/root{up.Directory.File("filler")}";
        Fill(filler);
        await up.Child.WaitForLineAsync("The journal can not be written: SQLite Error 13", Soon, Cancel);

        // The log of the ledger may have room for a few yet.
        var (other, accepted) = (new BatchMaker("e2e-full", "/e2e-full"), 0);
        await up.Child.WaitUntilAsync(async token => (await other.Make((ulong)accepted + 1, 1).PostAsync(up.Client, token)).Status != HttpStatusCode.OK || accepted++ < 0, "a batch was not acknowledged", Soon, Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await other.Make((ulong)accepted + 1, 1).PostAsync(up.Client, Cancel)).Status);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await up.StatusAsync("/readyz", Cancel));
        Assert.Equal(HttpStatusCode.OK, await up.StatusAsync("/healthz", Cancel));
        Assert.NotEmpty(await up.CpuAsync(cgroup.Path, Cancel));

        File.Delete(filler);
        await up.ReadyAsync(Cancel);
        await cgroup.StopAsync();
        await up.BilledAsync(cgroup, Cancel);
        Assert.Equal(HttpStatusCode.OK, (await other.Make((ulong)accepted + 1, 1).PostAsync(up.Client, Cancel)).Status);
        Assert.Equal((accepted + 1) * 1_000_000, (await up.CpuAsync("/e2e-full", Cancel)).Values.Sum());
        Assert.DoesNotContain((await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray(), host => host.GetProperty("conservationFailures").GetInt64() > 0);
        up.SaidNoStackTrace();
    }

    [Fact]
    public async Task A_journal_whose_disk_fails_counts_no_pass_as_stored_and_carries_the_usage_afterwards()
    {
        ServerPackages.Require("/usr/bin/gcc", "gcc");
        using var directory = new TestDirectory();
        var library = directory.File("bad-disk.so");
        await ChildProcess.RunAsync("/usr/bin/gcc", ["-shared", "-fPIC", "-O1", "-o", library, Path.Combine(RepositoryFiles.Root, "tests/Metering.EndToEnd/Line/bad-disk.c"), "-ldl"], Soon, Cancel);
        await using var up = ServiceProcess.Up(new Dictionary<string, string?> { ["LD_PRELOAD"] = library, ["BAD_DISK_OF"] = "/journal.db", ["BAD_DISK_WHEN"] = directory.File("bad") });
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        cgroup.Burn();
        await up.SeenAsync(cgroup.Path, Cancel);

        var before = up.Child.Lines.Count;
        await File.WriteAllTextAsync(directory.File("bad"), "", Cancel);
        await up.Child.WaitForLineAsync(line => line.Contains("journal", StringComparison.OrdinalIgnoreCase) && (line.Contains("warn:", StringComparison.Ordinal) || line.Contains("fail:", StringComparison.Ordinal)), "the journal's trouble", Soon, Cancel, before);
        var at = (await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("lastWindowEnd").GetString();
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, Cancel);
        Assert.Equal(at, (await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("lastWindowEnd").GetString());

        // By itself, or by whoever starts it again: nothing is lost and nothing counted twice.
        File.Delete(directory.File("bad"));
        if (up.Child.HasExited) up.Start();
        await up.ReadyAsync(Cancel);
        await cgroup.StopAsync();
        await up.BilledAsync(cgroup, Cancel);
        Assert.Equal(0, (await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("missingBatches").GetInt64());
        up.SaidNoStackTrace();
    }

    private static void Fill(string file)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[65536];
        for (var size = block.Length; size >= 512;)
        {
            try
            {
                stream.Write(block, 0, size);
            }
            catch (IOException)
            {
                // No room for so much; perhaps for less.
                size /= 2;
            }
        }
    }
}
