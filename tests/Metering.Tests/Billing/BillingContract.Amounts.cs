using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Metering.Service.Billing;
using Metering.Service.Focus;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>Amounts with more digits than a decimal holds, and ones that are beyond all bounds.</summary>
public abstract partial class BillingContract
{
    private const decimal Dear = 899_999_999.999_999_999_9m;

    [Fact]
    public async Task A_cost_of_thirty_digits_is_billed_corrected_verified_and_exported_exactly()
    {
        await PriceAsync(Dear);
        for (var day = 0; day < 33; day++) await WriteAsync(_host.Next(("/a", 7_234_567_899, false)));
        await Closer().CloseAsync(October, [], Alice, Cancel);

        var invoice = Assert.Single(await DocumentsAsync());
        var line = Assert.Single(invoice.Lines, one => one.Kind == "usage");
        var exact = (BigInteger)(line.Quantity!.Value * 1_000_000_000) * 8_999_999_999_999_999_999;
        Assert.Equal((62.297668019m, exact), (line.Quantity.Value, (BigInteger)line.Cost.Units));
        Assert.True(exact.ToString(CultureInfo.InvariantCulture).Length > 29);
        Assert.Contains($"\"cost\":{line.Cost}", await TextAsync("SELECT json FROM invoice"), StringComparison.Ordinal);
        Assert.Equal(line.Cost, JsonSerializer.Deserialize<Amount>(line.Cost.ToString()));
        Assert.Contains("50,461,111,095.39", InvoicePage.Render(invoice, new InvoiceState { Id = invoice.Id }, "", null), StringComparison.Ordinal);
        Assert.NotEmpty(InvoiceSheets.Render(invoice, new InvoiceState { Id = invoice.Id }, ""));
        await VerifiedAsync();

        // A note is the difference of two such figures.
        await WriteAsync(new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600).Next(("/late", 1_234_567, true)));
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        await Closer().CloseAsync(November, ["h2"], Alice, Cancel);
        var note = (await DocumentsAsync()).Single(one => one.Kind == "debitNote");
        Assert.Equal(Amount.Product(note.Lines[0].Quantity!.Value, Dear), note.Lines[0].Cost);
        await VerifiedAsync();
        foreach (var period in (string[])["2026-10", "2026-11"])
        {
            var conformance = await new FocusExport(_store, _options, new PeriodDrafter(_store, _options), new FocusOptions(), _clock).CheckAsync(FocusRequest.From(period, "1.4", null, "hour", null, null, [])!, isSelection: false, Cancel);
            Assert.True(conformance.Conforms, conformance.Findings.FirstOrDefault(one => one.Violations > 0)?.ToString());
        }
    }

    [Fact]
    public async Task A_cost_that_no_amount_holds_is_refused_with_the_reason()
    {
        await PriceAsync(Dear);
        await SqlAsync("UPDATE price_version SET json = replace(json, 'Core-Hours', 'Core-Seconds')");
        await DaysAsync(33);
        await SqlAsync("UPDATE usage SET cpu_us = 9000000000000000000");

        var refused = await Assert.ThrowsAsync<RuleBrokenException>(() => new PeriodDrafter(_store, _options).DraftAsync(October, Cancel));

        Assert.Contains("costs more than 17,000,000,000,000,000,000", refused.Message, StringComparison.Ordinal);
    }

    private Task PriceAsync(decimal price) => _store.WriteAsync(async transaction =>
    {
        await transaction.ExecuteAsync("DELETE FROM price_version");
        var version = new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = price }] };
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(version, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);
}
