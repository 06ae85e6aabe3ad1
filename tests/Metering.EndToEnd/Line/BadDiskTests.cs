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

    /// <summary>On a file system of its own, in a mount namespace that ends with the process; seen from here through /proc/PID/root.</summary>
    [Fact]
    public async Task A_disk_that_fails_and_then_is_full_acknowledges_nothing_and_all_of_it_is_billed_afterwards()
    {
        ServerPackages.RequireRoot("a small file system is mounted");
        ServerPackages.Require("/usr/bin/gcc", "gcc");
        using var directory = new TestDirectory();
        var library = directory.File("bad-disk.so");
        await ChildProcess.RunAsync("/usr/bin/gcc", ["-shared", "-fPIC", "-O1", "-o", library, Path.Combine(RepositoryFiles.Root, "tests/Metering.EndToEnd/Line/bad-disk.c"), "-ldl"], Soon, Cancel);
        await using var up = ServiceProcess.Up(
            new Dictionary<string, string?> { ["LD_PRELOAD"] = library, ["BAD_DISK_OF"] = "/journal.db", ["BAD_DISK_WHEN"] = directory.File("bad") },
            under: ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64m,mode=700 tmpfs \"$5\" && exec \"$@\"", "sh"]);
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        cgroup.Burn();
        await up.SeenAsync(cgroup.Path, Cancel);

        await JournalFailsAsync(up, directory.File("bad"));
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
        Assert.DoesNotContain((await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray(), host => host.GetProperty("conservationFailures").GetInt64() > 0 || host.GetProperty("missingBatches").GetInt64() > 0);
        up.SaidNoStackTrace();
    }

    // Reading, writing and flushing it: no pass counts as stored, and by itself it goes on afterwards.
    private static async Task JournalFailsAsync(ServiceProcess up, string switched)
    {
        var before = up.Child.Lines.Count;
        await File.WriteAllTextAsync(switched, "", Cancel);
        await up.Child.WaitForLineAsync(line => line.Contains("journal can not be", StringComparison.Ordinal), "the journal's trouble", Soon, Cancel, before);
        var at = await LastAsync(up);
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Cancel);
        Assert.Equal(at, await LastAsync(up));
        File.Delete(switched);
        await up.Child.WaitUntilAsync(async _ => await LastAsync(up) != at, "passes were stored again", Soon, Cancel);
    }

    private static async Task<string?> LastAsync(ServiceProcess up) => (await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("lastWindowEnd").GetString();

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
