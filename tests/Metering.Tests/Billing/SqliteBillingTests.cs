using Metering.Service.Billing;
using Metering.Service.Ingest;
using Metering.Service.Tenants;
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

            Assert.Equal((0L, 0L, 0L), (await CountAsync("invoice"), await IssuedAsync(), await CountAsync("period")));
            if (failed == 2) await VerifiedAsync();
        }

        Assert.True(failed > 2, $"The disk was full {failed} times.");
        await LimitAsync("(SELECT 1000000)");
        Assert.Equal((1L, 1L), (await CountAsync("invoice"), await CountAsync("period")));
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task Ingest_takes_its_turn_between_the_pieces_of_a_month_that_is_issued()
    {
        await DaysAsync(33);
        var late = new BatchSeries("h2", new DateTimeOffset(2026, 11, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600);
        var progress = new ClosingProgress();
        var (closer, pieces) = (Closer(progress), 0);
        closer.FaultPoint = at =>
        {
            if (at != "piece stored") return;
            Assert.Equal(("issuing", 10L * pieces), (progress.Of(October)!.Stage, progress.Of(October)!.Done));
            pieces++;
            WriteAsync(late.Next(("/late", 1_000, false))).GetAwaiter().GetResult();
            Assert.Equal(0, IssuedAsync().GetAwaiter().GetResult());
        };

        await closer.CloseAsync(October, [], Alice, Cancel);

        Assert.Equal((await CountAsync("charge") + 9) / 10, pieces);
        Assert.True(pieces > 5);
        Assert.Equal(await CountAsync("charge"), await IssuedAsync());
        await VerifiedAsync();
    }

    /// <summary>Killed after one piece, after two, and so on; then the month is another one, an invoice is voided, and it is closed.</summary>
    [Fact]
    public async Task Pieces_of_an_issuing_that_was_killed_are_seen_by_nobody_and_are_gone_when_it_is_done_again()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var october = await CountAsync("charge");
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        var november = new BillingPeriod(2026, 11);
        var draft = await new PeriodDrafter(_store, _options).DraftAsync(november, Cancel);
        for (var moment = 1; ; moment++)
        {
            var (killed, at) = (Closer(), 0);
            killed.FaultPoint = name => { if (name == "piece stored" && ++at == moment) throw new InvalidOperationException("killed"); };
            var result = await Record.ExceptionAsync(() => killed.CloseAsync(november, [], Alice, Cancel));
            if (result is null) break;
            Assert.IsType<InvalidOperationException>(result);
            Assert.Equal((october, october + 10 * moment), (await IssuedAsync(), Math.Min(october + 10 * moment, await CountAsync("charge"))));
            Assert.Empty(await VerifiedAsync());
            Assert.Equal(draft.Manifest([]).Json(), (await new PeriodDrafter(_store, _options).DraftAsync(november, Cancel)).Manifest([]).Json());
            if (moment == 3) break;
        }

        var voiding = new InvoiceVoiding(_store, _options, new InvoiceOptions(), _clock) { PieceRows = 10 };
        voiding.FaultPoint = name => { if (name == "piece stored") throw new InvalidOperationException("killed"); };
        await Assert.ThrowsAsync<InvalidOperationException>(() => voiding.VoidAsync("1", "wrong", Alice, Cancel));
        Assert.Equal((october, october + 10), (await IssuedAsync(), await CountAsync("charge")));
        Assert.Empty(await VerifiedAsync());
        voiding.FaultPoint = null;
        await voiding.VoidAsync("1", "wrong", Alice, Cancel);
        Assert.Equal((2 * october, 2 * october), (await IssuedAsync(), await CountAsync("charge")));

        await Closer().CloseAsync(november, [], Alice, Cancel);
        Assert.Equal(await CountAsync("charge"), await IssuedAsync());
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
