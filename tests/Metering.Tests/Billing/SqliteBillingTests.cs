using Metering.Service.Ingest;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>The contract on SQLite.</summary>
public sealed class SqliteBillingTests : BillingContract
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-billing-" + Path.GetRandomFileName())).FullName;

    protected override Task<string> ConnectionStringAsync() => Task.FromResult($"Data Source={Path.Combine(_directory, "ledger.db")}");

    /// <summary>Full after more and more pages, until the closing goes through.</summary>
    [Fact]
    public async Task A_disk_that_is_full_while_a_month_is_closed_leaves_nothing_half_issued()
    {
        await DaysAsync(33);
        var host = new BatchSeries("h2", new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero), seconds: 86_400);
        for (var day = 0; day < 33; day++) await WriteAsync(host.Next([.. Enumerable.Range(0, 40).Select(i => ($"/many/{i}", 3_600_000UL, false))]));
        var failed = 0;
        for (var more = 0; ; more += 4)
        {
            Assert.InRange(more, 0, 200);
            await LimitAsync($"(SELECT page_count + {more} FROM pragma_page_count)");
            try
            {
                await Closer().CloseAsync(October, [], Alice, Cancel);
                break;
            }
            catch (LedgerUnavailableException e)
            {
                Assert.Contains("full", e.Message, StringComparison.OrdinalIgnoreCase);
                failed++;
            }

            Assert.Equal((0L, 0L, 0L), (await CountAsync("invoice"), await CountAsync("charge"), await CountAsync("period")));
            if (failed == 2) await VerifiedAsync();
        }

        Assert.True(failed > 2, $"The disk was full {failed} times.");
        await LimitAsync("(SELECT 1000000)");
        Assert.Equal((1L, 1L), (await CountAsync("invoice"), await CountAsync("period")));
        Assert.Empty(await VerifiedAsync());
    }

    private Task LimitAsync(string pages) => _store.WriteAsync(async transaction =>
    {
        var limit = await transaction.ScalarAsync(transaction.Command("SELECT * FROM " + pages));
        await transaction.ExecuteAsync(FormattableString.Invariant($"PRAGMA max_page_count = {limit}"));
    }, Cancel);

    protected override ValueTask EndAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
