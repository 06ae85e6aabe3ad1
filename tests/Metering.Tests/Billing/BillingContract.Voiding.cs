using System.Text.Json;
using Metering.Service;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Tests.Verification;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>Invoices that are taken back and issued anew, and tax.</summary>
public abstract partial class BillingContract
{
    [Fact]
    public async Task A_voided_invoice_keeps_its_number_and_bytes_and_a_note_takes_back_all_of_it()
    {
        await ContractAsync(contract => contract with { Credits = [new Balance { Id = "welcome", Amount = 25 }] });
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var (bytes, charged) = (await TextAsync("SELECT json FROM invoice"), await CountAsync("charge"));

        var state = await Voiding().VoidAsync("000001", "wrong address", Alice, Cancel);
        var again = await Voiding().VoidAsync("1", "another reason", Alice, Cancel);

        Assert.Equal(("000001", "voided", "000002", "wrong address", (string?)null), (state!.Id, state.State, state.VoidedBy, state.Reason, state.ReplacedBy));
        Assert.Equal(state, again);
        Assert.Equal(bytes, await TextAsync("SELECT json FROM invoice WHERE number = 1"));
        var documents = await DocumentsAsync();
        var (invoice, note) = (documents[0], Assert.Single(documents, one => one.Number == 2));
        Assert.Equal(("creditNote", "2026-11", "2026-10", "000001", -invoice.Total), (note.Kind, note.Period, note.Origin, note.Voids, note.Total));
        Assert.Equal(-25m, note.Drawn["welcome"]);
        Assert.Equal("2026-11-03", note.IssuedOn);
        Assert.Equal((charged, charged), (await CountAsync("charge WHERE cause = ''"), await CountAsync("charge WHERE cause = 'void 000001'")));
        Assert.Equal("invoice.voided 000001 alice", await TextAsync("SELECT action || ' ' || subject || ' ' || actor FROM audit ORDER BY id DESC LIMIT 1"));
        Assert.Empty(await VerifiedAsync());

        // The month that follows closes over it, and the credit is there again.
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        var closed = await Closer().CloseAsync(November, [], Alice, Cancel);
        Assert.Equal(["000002", "000003"], PeriodManifest.Read(closed.Manifest).Documents.Select(one => one.Id));
        Assert.Equal(25m, (await DocumentsAsync())[^1].Drawn["welcome"]);
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task What_is_issued_anew_has_what_is_configured_now_and_is_issued_once()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        Assert.Contains("000001 is issued, not voided", (await Assert.ThrowsAsync<RuleBrokenException>(() => Voiding().ReissueAsync("1", Alice, Cancel))).Message);
        await Voiding().VoidAsync("1", "no tax, wrong address", Alice, Cancel);
        await ContractAsync(contract => contract with { Terms = [contract.Terms[0] with { TaxRate = 19, TaxName = "VAT" }], BillTo = new BillTo { Name = "Team GmbH", Address = ["Street 1", "12345 Town"] } });

        var anew = await Voiding().ReissueAsync("1", Alice, Cancel);
        var again = await Voiding().ReissueAsync("000001", Alice, Cancel);

        var invoice = (await DocumentsAsync())[0];
        Assert.Equal(("000003", "invoice", "000001", "2026-10", "2026-11", "Team GmbH"), (anew!.Id, anew.Kind, anew.Replaces, anew.Origin, anew.Period, anew.BillTo!.Name));
        Assert.Equal((invoice.Total, Math.Round(invoice.Total * 0.19m, 2), invoice.Total + Math.Round(invoice.Total * 0.19m, 2)), (anew.Net, anew.Tax, anew.Total));
        Assert.Equal(("000003", 3L), (again!.Id, await CountAsync("invoice")));
        Assert.Equal("2026-12-03", anew.DueOn);
        Assert.DoesNotContain(await VerifiedAsync(), note => note.Contains("discrepancy", StringComparison.Ordinal));

        // Nothing is left to correct: the contract that changed is what it was issued by.
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        await Closer().CloseAsync(November, [], Alice, Cancel);
        Assert.Equal(["invoice 2026-10", "creditNote 2026-10", "invoice 2026-10", "invoice 2026-11"], (await DocumentsAsync()).Select(one => $"{one.Kind} {one.Origin}"));
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task While_a_month_is_voided_late_usage_waits_and_is_in_what_is_issued_anew()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var late = new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600);
        await WriteAsync(late.Next(("/late", 3_600_000_000, true)));
        await Voiding().VoidAsync("1", "to be split", Alice, Cancel);
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));

        await Closer().CloseAsync(November, ["h2"], Alice, Cancel);
        Assert.Equal(["invoice 2026-10", "creditNote 2026-10", "invoice 2026-11"], (await DocumentsAsync()).Select(one => $"{one.Kind} {one.Origin}"));
        Assert.Empty(await VerifiedAsync());
        var anew = await Voiding().ReissueAsync("1", Alice, Cancel);

        Assert.Equal(((await DocumentsAsync())[0].Total + 1.8m, "2026-12"), (anew!.Total, anew.Period));
        Assert.Empty(await VerifiedAsync());

        // Voided once more, all documents of October add up to nothing.
        await Voiding().VoidAsync(anew.Id, "again", Alice, Cancel);
        Assert.Equal(0, (await DocumentsAsync()).Where(one => one.Origin == "2026-10").Sum(one => one.Total));
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task What_was_issued_anew_by_another_price_is_corrected_when_that_changes_again()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        await Voiding().VoidAsync("1", "wrong price", Alice, Cancel);
        await PriceAsync(2);
        await Voiding().ReissueAsync("1", Alice, Cancel);
        await PriceAsync(3);
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));

        await Closer().CloseAsync(November, [], Alice, Cancel);

        // 62 Core-Hours at 3, less 10 %: however often it was billed.
        Assert.Equal(62 * 3 * 0.9m, (await DocumentsAsync()).Where(one => one.Origin == "2026-10").Sum(one => one.Total));
        Assert.Empty(await VerifiedAsync());
    }

    [Theory]
    [InlineData("drafted", 0)]
    [InlineData("charges stored", 0)]
    [InlineData("note stored", 0)]
    [InlineData("before commit", 0)]
    [InlineData("after commit", 1)]
    public async Task Killed_while_voiding_there_is_all_of_the_note_or_nothing_of_it(string moment, int notes)
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var killed = Voiding();
        killed.FaultPoint = at => { if (at == moment) throw new InvalidOperationException("killed"); };

        await Assert.ThrowsAsync<InvalidOperationException>(() => killed.VoidAsync("1", "wrong", Alice, Cancel));
        Assert.Equal((1L + notes, (long)notes, notes > 0), (await CountAsync("invoice"), await CountAsync("voided"), await CountAsync("charge WHERE cause <> '' AND " + ChargeStore.Issued) > 0));
        Assert.Empty(await VerifiedAsync());

        Assert.Equal("000002", (await Voiding().VoidAsync("1", "wrong", Alice, Cancel))!.VoidedBy);
        Assert.Equal(2, await CountAsync("invoice"));
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task Numbers_have_no_gaps_when_voiding_meets_voiding_and_closing()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        var closer = Closer();
        var voided = false;
        closer.FaultPoint = at =>
        {
            if (at == "drafted" && !voided) voided = Voiding().VoidAsync("1", "while the month closes", Alice, Cancel).GetAwaiter().GetResult() is not null;
        };

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => closer.CloseAsync(November, [], Alice, Cancel), Cancel)).Concat<Task>(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Voiding().VoidAsync("1", "at once", Alice, Cancel), Cancel))));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Voiding().ReissueAsync("1", Alice, Cancel), Cancel)));

        Assert.Equal([1, 2, 3, 4], (await DocumentsAsync()).Select(one => one.Number));
        Assert.Equal((1L, 1L, 1L), (await CountAsync("voided"), await CountAsync("invoice WHERE cause = 'void 000001'"), await CountAsync("invoice WHERE cause = 'reissue 000001'")));
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task Only_invoices_can_be_voided_and_what_is_not_there_is_not()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        await Voiding().VoidAsync("1", "wrong", Alice, Cancel);

        Assert.Null(await Voiding().VoidAsync("17", "wrong", Alice, Cancel));
        Assert.Null(await Voiding().ReissueAsync("x", Alice, Cancel));
        Assert.Contains("000002 is a note; what can be voided is the invoice that it corrects, 000001", (await Assert.ThrowsAsync<RuleBrokenException>(() => Voiding().VoidAsync("2", "wrong", Alice, Cancel))).Message);
    }

    [Fact]
    public async Task A_note_has_the_tax_that_is_still_to_pay_so_that_all_of_it_is_the_rate_of_the_whole()
    {
        await ContractAsync(contract => contract with { Terms = [contract.Terms[0] with { TaxRate = 19.25m }] });
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var late = new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600);
        await WriteAsync(late.Next(("/late", 1_234_567_890, true)));
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        await Closer().CloseAsync(November, ["h2"], Alice, Cancel);

        var documents = (await DocumentsAsync()).FindAll(one => one.Origin == "2026-10");
        Assert.Equal(2, documents.Count);
        Assert.Equal(Math.Round(documents.Sum(one => one.Net) * 0.1925m, 2), documents.Sum(one => one.Tax));
        Assert.All(documents, one => Assert.Equal(one.Total, one.Net + one.Tax));
        Assert.All(documents, one => Assert.Equal(one.Net, Assert.Single(one.Lines, line => line.Kind == "tax").TaxBase));
        Assert.Empty(await VerifiedAsync());
    }

    private InvoiceVoiding Voiding() => new(_store, _options, new InvoiceOptions(), _clock);

    private Task ContractAsync(Func<Contract, Contract> change) => _store.WriteAsync(async transaction =>
    {
        var stored = await transaction.Context.Set<StoredContract>().SingleAsync(Cancel);
        stored.Json = JsonSerializer.Serialize(change(stored.Read()), LedgerJson.Options);
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);
}
