using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>A backup that is made while usage arrives, and put back: what it lacks, agents send again, and everything adds up to the microsecond.</summary>
public sealed class BackupTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_restored_goes_on_as_if_nothing_had_been_lost(bool postgres)
    {
        await using var server = postgres ? await PostgresServer.StartAsync(Cancel) : null;
        var ledger = server is null ? null : await server.ConnectionStringAsync("metering", Cancel);
        var environment = new Dictionary<string, string?> { ["METERING__Ledger__ConnectionString"] = ledger };
        await using var service = ServiceProcess.Service(environment);
        await using var cgroup = TestCgroup.Create();
        await service.StartReadyAsync(Cancel);
        await using var agent = await AgentProcess.OverHttpAsync(service, "kept", Cancel);
        agent.Start();
        await service.FirstPassAsync(Cancel);
        using var elsewhere = new TestDirectory();
        var backup = elsewhere.File("backup");

        // While it works; then more happens.
        cgroup.Burn();
        await MeteringAsync(environment, 0, "backup", backup, "--data", service.Directory.Path);
        await cgroup.StopAsync();
        cgroup.Spend(50_000);
        await service.BilledAsync(cgroup, Cancel);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(backup));
        Assert.False(File.Exists(Path.Combine(backup, "journal.db")));

        // Not under a service that runs, and not over what is there unless told so.
        Assert.Contains("first", await MeteringAsync(environment, 1, "restore", backup, "--replace", "--data", service.Directory.Path), StringComparison.Ordinal);
        await service.KillAsync(Cancel);
        if (server is not null) await server.WithoutSessionsAsync("metering", Cancel);
        Assert.Contains("--replace", await MeteringAsync(environment, 1, "restore", backup, "--data", service.Directory.Path), StringComparison.Ordinal);
        await MeteringAsync(environment, 0, "restore", backup, "--replace", "--data", service.Directory.Path);
        await service.StartReadyAsync(Cancel);

        await service.BilledAsync(cgroup, Cancel);
        cgroup.Spend(50_000);
        await service.BilledAsync(cgroup, Cancel);
        await agent.StopAsync(Cancel);
        var verified = await MeteringAsync(environment, 0, "verify", "--url", service.Url, "--key", ServiceProcess.AdminKey);
        Assert.DoesNotContain("discrepan", verified, StringComparison.OrdinalIgnoreCase);
        service.SaidNoStackTrace();
    }

    [Fact]
    public async Task A_damaged_backup_is_refused_before_anything_is_changed_and_one_that_is_there_is_not_written_over()
    {
        using var directory = new TestDirectory();
        await using (var service = ServiceProcess.Service())
        {
            await service.StartReadyAsync(Cancel);
            await MeteringAsync([], 0, "backup", directory.File("backup"), "--data", service.Directory.Path);
            Assert.Contains("there already", await MeteringAsync([], 1, "backup", directory.File("backup"), "--data", service.Directory.Path), StringComparison.Ordinal);
        }

        // An empty directory is a new home.
        await MeteringAsync([], 0, "restore", directory.File("backup"), "--data", directory.File("home"));
        Assert.True(File.Exists(directory.File("home/admin.key")));

        var ledger = directory.File("backup/ledger.db");
        var bytes = await File.ReadAllBytesAsync(ledger, Cancel);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(ledger, bytes, Cancel);
        Assert.Contains("ledger.db is not what it was", await MeteringAsync([], 1, "restore", directory.File("backup"), "--data", directory.File("other")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory.File("other")));

        File.Delete(directory.File("backup/manifest.json"));
        Assert.Contains("is no backup", await MeteringAsync([], 1, "restore", directory.File("backup"), "--data", directory.File("other")), StringComparison.Ordinal);
        await File.WriteAllTextAsync(directory.File("backup/manifest.json"), JsonSerializer.Serialize(new { version = 1, madeAt = "2026-01-01T00:00:00Z", store = "sqlite", files = new[] { new { name = "../../etc/passwd", bytes = 1, sha256 = "" } } }), Cancel);
        Assert.Contains("outside of it", await MeteringAsync([], 1, "restore", directory.File("backup"), "--data", directory.File("other")), StringComparison.Ordinal);
    }

    private static async Task<string> MeteringAsync(Dictionary<string, string?> environment, int exitCode, params string[] arguments)
    {
        await using var program = MeteringProcess.Launch(arguments, environment);
        var code = await program.WaitForExitAsync(Limit, Cancel);
        Assert.True(code == exitCode, $"metering {string.Join(' ', arguments)} ended with {code}:\n{program.Output}");
        Assert.DoesNotContain("   at ", program.Output, StringComparison.Ordinal);
        return program.Output;
    }
}
