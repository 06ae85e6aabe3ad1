using System.Globalization;
using Metering.EndToEnd.Line;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.EndToEnd.Billing;

/// <summary>A <c>metering service</c> whose month before last is closed: one host, a tenant with a contract in another zone than UTC, one without, and keys of both.</summary>
public sealed class BilledMonth : IAsyncLifetime
{
    /// <summary>A name that a page or a spreadsheet would run.</summary>
    internal const string Name = "=Acme <b>Research</b>";

    internal ServiceProcess Service { get; } = ServiceProcess.Service(new Dictionary<string, string?>
    {
        ["METERING__Invoices__SellerName"] = "Example Hosting GmbH",
        ["METERING__Invoices__SellerAddress"] = "Rechenweg 7; 10115 Berlin; Germany",
        ["METERING__Invoices__SellerTaxId"] = "DE 123 456 789",
        ["METERING__Invoices__Footer"] = "IBAN DE00 0000 0000 0000 0000 00",
    });

    internal string Month { get; private set; } = "";

    internal string KeyOfAcme { get; private set; } = "";

    internal string KeyOfOther { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var now = TimeProvider.System.GetUtcNow();
        var first = new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(-2);
        Month = first.ToString("yyyy-MM", CultureInfo.InvariantCulture);
        var cancel = CancellationToken.None;
        await Service.StartReadyAsync(cancel);
        await PutAsync("v1/tenants/acme", new { name = Name, timeZone = "Europe/Berlin", currency = "EUR", priceBook = "standard" });
        await PutAsync("v1/tenants/other", new { name = "Other", currency = "EUR", priceBook = "standard" });
        await PutAsync("v1/ownership-rules", new { rules = new[] { new { match = new { path = "/a*" }, tenant = "acme" }, new { match = new { path = "*" }, tenant = "other" } } });
        object[] prices = [new { meter = "cpuSeconds", unit = "Core-Hours", model = "graduated", tiers = new object[] { new { upTo = 10, price = 0.333m }, new { price = 0.2m } } }, new { model = "flat", unit = "Months", price = 5 }];
        await PutAsync("v1/price-books/standard/versions/1", new { currency = "EUR", prices });
        await PutAsync("v1/tenants/acme/contract", new
        {
            terms = new[] { new { discount = 10, minimum = 25, taxRate = 19, taxName = "VAT" } },
            credits = new[] { new { id = "welcome", amount = 5 } },
            billTo = new { name = Name, address = new[] { "1 Long Street", "London EC1A 1AA" }, taxId = "GB 999 9999 73", reference = "PO 4711" },
        });
        var host = new BatchSeries("billed", first, seconds: 3600 * 24);
        for (var day = 0; day < 35; day++)
        {
            var (status, answer) = await new BatchDouble(host.Next(("/a", 3_600_000_000, false), ("/b", 1_234_567_891, false))).PostAsync(Service.Client, cancel);
            Assert.True(status == System.Net.HttpStatusCode.OK, answer.ToString());
        }

        await Service.SendAsync(HttpMethod.Post, $"v1/periods/{Month}/close", new { }, cancel);
        (KeyOfAcme, KeyOfOther) = (await KeyAsync("acme"), await KeyAsync("other"));
    }

    public ValueTask DisposeAsync() => Service.DisposeAsync();

    internal Task PutAsync(string path, object body) => Service.SendAsync(HttpMethod.Put, path, body, CancellationToken.None);

    private async Task<string> KeyAsync(string tenant) => (await Service.SendAsync(HttpMethod.Post, "v1/api-keys", new { role = "reader", tenant }, CancellationToken.None)).GetProperty("secret").GetString()!;
}
