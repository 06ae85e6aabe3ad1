using System.Diagnostics;
using Metering.Service.Access;
using Metering.Service.Billing;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Metering.Tests.Verification;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>What is shown of a month that is open; what a proof says when batches are gone; and that neither closing nor expiry holds up what comes in.</summary>
public abstract partial class BillingContract
{
    [Fact]
    public async Task Drafts_are_what_the_month_shows_and_end_when_it_is_closed()
    {
        await DaysAsync(33);
        var drafter = new PeriodDrafter(_store, _options);
        var drafts = new InvoiceDrafts(_store, drafter, _clock);

        var listed = await drafts.ListAsync(null, null, Cancel);

        Assert.Equal([("draft-2026-10.t.EUR", 0L, "draft"), ("draft-2026-11.t.EUR", 0L, "draft")], listed.Select(one => (one.Id, one.Number, one.State!)));
        var shown = await new PeriodReport(_store, drafter, Closer()).ShowAsync(October, Caller.Local, Cancel);
        Assert.Equal(Assert.Single(shown.Documents).Json(), listed[0].Json());
        Assert.Equal(listed[1].Json(), (await drafts.FindAsync("draft-2026-11.t.EUR", "t", Cancel))!.Json());
        Assert.Null(await drafts.FindAsync("draft-2026-11.t.EUR", "other", Cancel));
        Assert.Null(await drafts.FindAsync("draft-2026-11.t.USD", null, Cancel));

        await Closer().CloseAsync(October, [], Alice, Cancel);

        var issued = Assert.Single(await DocumentsAsync());
        Assert.Equal((listed[0].Total, null), (issued.Total, issued.State));
        Assert.DoesNotContain("\"state\"", issued.Json());
        Assert.Equal(["draft-2026-11.t.EUR"], (await drafts.ListAsync(null, null, Cancel)).Select(one => one.Id));
        Assert.Null(await drafts.FindAsync("draft-2026-10.t.EUR", null, Cancel));

        // Late usage of the closed month is a note of the open one, under a name of its own.
        await WriteAsync(new BatchSeries("h2", new DateTimeOffset(2026, 10, 5, 0, 0, 0, TimeSpan.Zero), seconds: 3_600).Next(("/late", 3_600_000_000, true)));
        Assert.Equal(["draft-2026-11.t.EUR", "draft-2026-11.t.EUR.2026-10"], (await drafts.ListAsync(November, null, Cancel)).Select(one => one.Id));
    }

    [Fact]
    public async Task Drafts_from_the_sums_of_the_roll_up_are_those_from_the_rows()
    {
        await DaysAsync(33);
        var drafter = new PeriodDrafter(_store, _options);
        var (october, november) = (await RowsAsync(October), await RowsAsync(November));
        var keeper = new RollupKeeper(_store, _options, _clock, NullLogger<RollupKeeper>.Instance);

        Assert.Equal((october, november), (await SumsAsync(October), await SumsAsync(November)));
        while (await keeper.StepAsync(Cancel))
        {
        }

        Assert.Equal((october, november), (await SumsAsync(October), await SumsAsync(November)));

        // And it is the sums: without the rows the month costs what it did.
        await _store.WriteAsync(transaction => transaction.ExecuteAsync("DELETE FROM usage WHERE bucket < 1793491200"), Cancel);
        Assert.Equal(october, await SumsAsync(October));
        Assert.NotEqual(october, await RowsAsync(October));

        async Task<string> RowsAsync(BillingPeriod period) => string.Join('\n', (await drafter.DraftAsync(period, Cancel)).Documents.Select(document => document.Json()));

        async Task<string> SumsAsync(BillingPeriod period) => string.Join('\n', (await drafter.DocumentsAsync(period, Cancel)).Documents.Select(document => document.Json()));
    }

    [Fact]
    public async Task A_proof_says_that_batches_have_expired()
    {
        await DaysAsync(33);
        await WriteAsync(_host.Next(("/a", 3_600_000_000, false), ("/new", 5, false)));
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var report = new ProofReport(_store);
        var (whole, none) = await report.FindAsync("h1", "/a", Cancel);
        Assert.Equal((0L, 34 * 3_600_000_000L, null, null), (whole!.BeforeMeteringMicroseconds, whole.LedgerMicroseconds, whole.ExpiredThrough, none));
        _clock.Advance(TimeSpan.FromDays(40));
        Assert.Equal(31, await Keeper().RunAsync(Cancel));
        var end = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

        // Of an old one only what is kept is known, and that is said; one that was born since has nothing before.
        var (part, _) = await report.FindAsync("h1", "/a", Cancel);
        Assert.Equal((31 * 3_600_000_000L, 3 * 3_600_000_000L, end), (part!.BeforeMeteringMicroseconds, part.LedgerMicroseconds, part.ExpiredThrough!.Value));
        Assert.Null(new Metering.Cli.Running.Proof("h1", "/a", 1, false, 40 * 3_600_000_000L, part.BeforeMeteringMicroseconds, part.LedgerMicroseconds, 0, end, null, null, "", part.ExpiredThrough).DifferenceMicroseconds);
        Assert.Equal((5L, null), ((await report.FindAsync("h1", "/new", Cancel)).Proof!.LedgerMicroseconds, (await report.FindAsync("h1", "/new", Cancel)).Proof!.ExpiredThrough));
        Assert.Equal((null, end), await report.FindAsync("h1", "/gone", Cancel));
        Assert.Equal((null, null), await report.FindAsync("h2", "/a", Cancel));
    }

    [Fact]
    public async Task Batches_are_taken_while_a_month_is_closed_and_while_bytes_expire()
    {
        // Some thousands of workloads, so that both take their time.
        for (var day = 0; day < 33; day++) await WriteAsync(_host.Next([.. Enumerable.Range(0, 400).Select(n => ($"/w/{n}", 3_600_000UL + (ulong)(n + day), false))]));
        var other = new BatchSeries("h2", new DateTimeOffset(2026, 11, 2, 0, 0, 0, TimeSpan.Zero), seconds: 1);
        await WriteAsync(other.Next(("/live", 1_000, false)));

        var closing = await SlowestWriteAsync(() => Closer().CloseAsync(October, ["h2"], Alice, Cancel));
        _clock.Advance(TimeSpan.FromDays(40));
        var expiring = await SlowestWriteAsync(async () => Assert.Equal(31, await Keeper().RunAsync(Cancel)));

        TestContext.Current.SendDiagnosticMessage("slowest write while closing {0}, while expiring {1}", closing, expiring);
        await VerifiedAsync();

        async Task<TimeSpan> SlowestWriteAsync(Func<Task> work)
        {
            var (slowest, written) = (TimeSpan.Zero, 0);
            var running = Task.Run(work, Cancel);
            while (!running.IsCompleted)
            {
                var began = Stopwatch.GetTimestamp();
                await WriteAsync(other.Next(("/live", 1_000, false)));
                if (!running.IsCompleted) written++;
                var took = Stopwatch.GetElapsedTime(began);
                if (took > slowest) slowest = took;
            }

            await running;
            Assert.True(written > 1, $"{written} batches were taken meanwhile.");
            return slowest;
        }
    }
}
