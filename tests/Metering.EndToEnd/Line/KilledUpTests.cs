using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>SIGKILL, and SIGTERM once or twice, at random moments of the whole line.</summary>
public sealed class KilledUpTests
{
    private const int Kills = 5;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_or_told_to_stop_again_and_again_the_bill_is_still_the_kernels_figure()
    {
        var seed = RandomNumberGenerator.GetInt32(int.MaxValue);
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        await using var up = ServiceProcess.Up();
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        var nested = cgroup.Child("nested");
        cgroup.Burn();
        nested.Burn();
        await up.SeenAsync(cgroup.Path, Cancel);

        TestCgroup? orphan = null;
        for (var i = 0; i < Kills; i++)
        {
            // From within the start to some passes later.
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 4000)), TimeProvider.System, Cancel);
            await EndAsync(up, random.Next(3));
            if (orphan is null)
            {
                // Born while nobody looks: earlier passes prove that it is new.
                orphan = cgroup.Child("orphan");
                orphan.Burn();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 500)), TimeProvider.System, Cancel);
            up.Start();
        }

        await up.ReadyAsync(Cancel);
        await up.SeenAsync(orphan!.Path, Cancel);
        await nested.RemoveAsync();
        await orphan.RemoveAsync();
        await cgroup.StopAsync();

        await up.BilledAsync(cgroup, Cancel, more: () => $"seed {seed}");
        up.SaidNoStackTrace();

        // However it ended, the files are whole.
        await up.StopAsync(Cancel);
        foreach (var name in new[] { "ledger.db", "journal.db" })
        {
            await using var database = new SqliteConnection($"Data Source={up.Directory.File(name)};Pooling=False");
            await database.OpenAsync(Cancel);
            await using var check = database.CreateCommand();
            check.CommandText = "PRAGMA integrity_check";
            Assert.Equal("ok", (string?)await check.ExecuteScalarAsync(Cancel));
        }
    }

    private static async Task EndAsync(ServiceProcess up, int way)
    {
        if (way == 0)
        {
            await up.KillAsync(Cancel);
            return;
        }

        for (var i = 0; i < way; i++) up.Child.Terminate();
        await up.Child.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel);
    }
}
