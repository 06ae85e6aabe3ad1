using System.Net;
using Metering.EndToEnd.Line;
using Metering.Messages;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.EndToEnd.Reports;

/// <summary>
/// A <c>metering service</c> with sixteen whole days of one host, up to today's midnight UTC: <c>acme</c> uses half of a core and reserves two, <c>other</c> uses one core-hour more each day, and what
/// <c>big</c> costs by the book <c>dear</c> has more digits than a decimal. And a receiver that a webhook leads to.
/// </summary>
public sealed class ReportedWeeks : IAsyncLifetime
{
    internal const int Days = 16;

    /// <summary>A name that a spreadsheet would run.</summary>
    internal const string Name = "=HYPERLINK(\"http://x.example\",\"<b>A</b>\")";

    /// <summary>Core-hours of big per hour, in 1e-9.</summary>
    internal const long BigNano = 617_283_561_728_395;

    /// <summary>Its price, in 1e-10.</summary>
    internal const long BigPrice = 99_990_123_456_789;

    internal WebhookReceiver Receiver { get; } = new();

    internal ServiceProcess Service { get; private set; } = null!;

    internal DateTimeOffset Today { get; private set; }

    internal string KeyOfAcme { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Receiver.Open();
        Service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__Alerts__AllowedAddresses"] = Receiver.Address });
        Today = new DateTimeOffset(TimeProvider.System.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        await Service.StartReadyAsync(CancellationToken.None);
        await PutAsync("v1/tenants/acme", new { name = "Acme", currency = "EUR", priceBook = "standard" });
        await PutAsync("v1/tenants/other", new { name = "Other", currency = "EUR", priceBook = "standard" });
        await PutAsync("v1/tenants/big", new { name = "Big", currency = "EUR", priceBook = "standard" });
        await PutAsync("v1/ownership-rules", new { rules = new[] { new { match = new { path = "/a*" }, tenant = "acme" }, new { match = new { path = "/big*" }, tenant = "big" }, new { match = new { path = "*" }, tenant = "other" } } });
        await PutAsync("v1/price-books/standard/versions/1", new { currency = "EUR", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = 0.05m, basis = "max(usage, reservation)" } } });
        await PutAsync("v1/price-books/dear/versions/1", new { currency = "EUR", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = BigPrice / 10_000_000_000m } } });
        await PutAsync("v1/allocation?force=true", new { versions = new[] { new { currency = "EUR", idle = "keep", hosts = new[] { new { match = new { host = "reported" }, perHour = 1.5m, cpuShare = 1, cores = 4 } } } } });
        var host = new BatchSeries("reported", Today.AddDays(-Days), seconds: 86_400);
        for (var day = 0; day < Days; day++)
        {
            var batch = host.Next(("/a", 43_200_000_000, false), ("/o", (ulong)(day + 1) * 3_600_000_000, false), ("/big", (ulong)(BigNano / 5 * 18 * 24), false));
            batch.Workloads[0].Name = Name;
            batch.Workloads[0].Meters.Add(new MeterReading { Meter = "cpuReservedMicroseconds", Start = 172_800_000_000 * (ulong)day, End = 172_800_000_000 * (ulong)(day + 1), Quantity = 172_800_000_000, Availability = Availability.Exact });
            var (status, answer) = await new BatchDouble(batch).PostAsync(Service.Client, CancellationToken.None);
            Assert.True(status == HttpStatusCode.OK, answer.ToString());
        }

        KeyOfAcme = (await Service.SendAsync(HttpMethod.Post, "v1/api-keys", new { role = "reader", tenant = "acme" }, CancellationToken.None)).GetProperty("secret").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        Receiver.Dispose();
    }

    /// <summary>Query of the last whole days, the last one included, such as <c>from=2026-11-06&amp;to=2026-11-21</c>.</summary>
    internal string Range(int days) => FormattableString.Invariant($"from={Today.AddDays(-days):yyyy-MM-dd}&to={Today.AddDays(-1):yyyy-MM-dd}");

    internal Task PutAsync(string path, object body) => Service.SendAsync(HttpMethod.Put, path, body, CancellationToken.None);
}
