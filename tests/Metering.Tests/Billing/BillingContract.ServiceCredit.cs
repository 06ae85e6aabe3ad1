using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>What is credited for reserved CPU that was waited for.</summary>
public abstract partial class BillingContract
{
    private static readonly ServiceCredit Credit = new() { Threshold = 20, PerCoreHour = 0.5m };

    [Fact]
    public async Task Reserved_cpu_that_was_waited_for_and_not_given_is_credited_and_the_credit_is_drafted_stored_explained_and_verified()
    {
        await ContractAsync(_ => new Contract { Terms = [new ContractTerms { TaxRate = 10, ServiceCredit = Credit }] });
        await WaitingDaysAsync(33);
        var draft = await new PeriodDrafter(_store, _options).DraftAsync(October, Cancel);

        var closed = await Closer().CloseAsync(October, [], Alice, Cancel);

        // /a: a core reserved all day, used for 1 h of 24, waited a quarter of the time: 6 h of it credited. /b waited for a tenth only; /c used all that it had reserved; of /d nobody knows how long it waited.
        var invoice = Assert.Single(await DocumentsAsync());
        var line = Assert.Single(invoice.Lines, line => line.Kind == "serviceCredit");
        Assert.Equal(("Service credit: reserved CPU not given, waited 20 % or more", -31 * 6m, "Core-Hours", 0.5m, -31 * 3m), (line.Text, line.Quantity, line.Unit, line.UnitPrice, line.Amount));
        Assert.Equal((invoice.Net, invoice.Net / 10), (invoice.Lines.Where(one => one.Kind is not "tax").Sum(one => one.Amount), invoice.Tax));
        Assert.Equal((invoice.Json(), closed.Manifest), (draft.Documents.Single().Json(), draft.Manifest([]).Json()));
        Assert.Equal((31L, 31L), (await CountAsync("charge WHERE kind = 'serviceCredit'"), await CountAsync("charge WHERE kind = 'serviceCredit' AND CAST(nano AS TEXT) = '-6000000000'")));
        Assert.Contains("Service credits", InvoicePage.Render(invoice, new InvoiceState(), "", null));
        Assert.Empty(await VerifiedAsync());

        var id = await TextAsync("SELECT period || '-' || n FROM charge WHERE kind = 'serviceCredit' AND day = '2026-10-02'");
        var explained = (await new ChargeExplanation(_store, _options).ExplainAsync(id, new Caller(Roles.Reader, "t", null), 10, Cancel))!;
        Assert.Equal(("/a", "-6 Core-Hours × 0.5 EUR = -3 EUR", 24), (explained.Workload!.Path, explained.Arithmetic, explained.Buckets.Count));
        Assert.All(explained.Buckets, bucket => Assert.Equal((150_000_000L, 3_600_000_000L, 900_000_000L, 3_600_000_000L, 900_000_000L), (bucket.Quantity, bucket.Reserved, bucket.Waited, bucket.There, bucket.Credited)));
        Assert.Equal(["cpuPressureSeconds", "cpuReservedSeconds", "cpuSeconds", "cpuThrottledSeconds"], Assert.Single(explained.Batches).Readings.Select(reading => reading.Meter).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_service_credit_is_not_eaten_by_a_minimum_and_never_more_than_what_is_charged()
    {
        await ContractAsync(_ => new Contract { Terms = [new ContractTerms { Minimum = 2_000, TaxRate = 10, ServiceCredit = Credit }] });
        await WaitingDaysAsync(33);
        var invoice = (await new PeriodDrafter(_store, _options).DraftAsync(October, Cancel)).Documents.Single();
        Assert.Equal((1_907m, 190.7m), (invoice.Net, invoice.Tax));

        await ContractAsync(_ => new Contract { Terms = [new ContractTerms { TaxRate = 10, ServiceCredit = Credit with { PerCoreHour = 50 } }] });
        invoice = (await new PeriodDrafter(_store, _options).DraftAsync(October, Cancel)).Documents.Single();
        Assert.Equal((0m, 0m, 0m), (invoice.Net, invoice.Tax, invoice.Total));
        Assert.Equal("Service credit beyond what is charged", invoice.Lines.Last(line => line.Kind == "serviceCredit").Text);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task A_service_credit_that_is_agreed_after_the_closing_or_that_late_usage_changes_is_a_note_of_the_next_month()
    {
        await ContractAsync(_ => new Contract { Terms = [new ContractTerms()] });
        await WaitingDaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        await ContractAsync(_ => new Contract { Terms = [new ContractTerms { ServiceCredit = Credit }] });
        Assert.Contains("rated by other prices", Assert.Single(await VerifiedAsync()));
        await WaitingDaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));

        await Closer().CloseAsync(November, [], Alice, Cancel);

        var note = (await DocumentsAsync()).Single(one => one.Origin == "2026-10" && one.Period == "2026-11");
        Assert.Equal(("creditNote", -31 * 3m, "serviceCredit"), (note.Kind, note.Total, Assert.Single(note.Lines).Kind));
        Assert.Empty(await VerifiedAsync());
    }

    // A core for each is reserved. By throttled time (/a), by pressure (/b, /c), by nothing that is known (/d).
    private Task WaitingDaysAsync(int days) => WriteAsync([.. Enumerable.Range(0, days).Select(_ =>
    {
        const ulong hour = 3_600_000_000, day = 24 * hour;
        var batch = _host.Next(("/a", hour, false), ("/b", hour, false), ("/c", day, false), ("/d", hour, false));
        _host.With(batch, "/a", ("cpuReservedMicroseconds", day), ("cpuThrottledMicroseconds", 6 * hour), ("cpuPressureMicroseconds", hour));
        _host.With(batch, "/b", ("cpuReservedMicroseconds", day), ("cpuPressureMicroseconds", day / 10));
        _host.With(batch, "/c", ("cpuReservedMicroseconds", day), ("cpuPressureMicroseconds", day));
        return _host.With(batch, "/d", ("cpuReservedMicroseconds", day));
    })]);
}
