using Microsoft.Data.Sqlite;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>A journal that can not be written for seconds: what lives and ends meanwhile is told apart all the same.</summary>
public sealed class SlowDiskTests
{
    private const int Jobs = 20;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ends_are_followed_while_the_journal_waits_for_the_disk()
    {
        await using var up = ServiceProcess.Up();
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var parent = TestCgroup.Create();

        await using (var other = new SqliteConnection($"Data Source={Path.Combine(up.Directory.Path, "journal.db")};Pooling=False"))
        {
            await other.OpenAsync(Cancel);
            await using var held = other.BeginTransaction(deferred: false);
            for (var i = 0; i < Jobs; i++)
            {
                var job = parent.Child($"job-{i}");
                job.Spend(3_000);
                await job.RemoveAsync();
                await Task.Delay(TimeSpan.FromMilliseconds(80), TimeProvider.System, Cancel);
            }
        }

        await up.BilledAsync(parent, Cancel);
        var rows = (await up.GetAsync($"v1/usage?groupBy=workload&filter={Uri.EscapeDataString($"path:{parent.Path}*")}", Cancel)).GetProperty("rows").EnumerateArray().ToList();
        Assert.Equal(Jobs, rows.Count(row => row.GetProperty("key").GetProperty("workload").GetProperty("path").GetString() != parent.Path));

        // A pair may fall into one reading when the machine is crowded; all of them did when storing a pass kept the thread that reads.
        Assert.InRange(rows.Count(row => row.GetProperty("estimatedShare").GetDecimal() > 0), 0, 4);
    }
}
