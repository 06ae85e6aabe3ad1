using System.Globalization;
using Metering.Service.Ledger;
using Metering.Tests.Verification;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>A service with two tenants, each with everything that a tenant can have: workloads on a host that they share, usage, prices, a contract, a quota that fires, an invoice of a closed month.</summary>
public sealed class TwoTenants : IAsyncLifetime
{
    internal RunningService Service { get; private set; } = null!;

    internal static IReadOnlyList<string> Names { get; } = ["acme", "globex"];

    /// <summary>An id that is nobody's.</summary>
    internal const string Absent = "nosuch";

    /// <summary>Key of role reader by tenant.</summary>
    internal Dictionary<string, string> Readers { get; } = [];

    /// <summary>Number of the invoice by tenant.</summary>
    internal Dictionary<string, string> Invoices { get; } = [];

    /// <summary>A charge by tenant.</summary>
    internal Dictionary<string, string> Charges { get; } = [];

    /// <summary>The closed month.</summary>
    internal string Month { get; private set; } = "";

    /// <summary>The month that is open.</summary>
    internal static string Open => TimeProvider.System.GetUtcNow().ToString("yyyy-MM", CultureInfo.InvariantCulture);

    public async ValueTask InitializeAsync()
    {
        // Wrong credentials are many here and limits are not what is asked about.
        Service = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:FailedSignInsPerMinute"] = "1000000", ["Access:RequestsPerMinute"] = "1000000" });
        await FillAsync(Service);
    }

    public ValueTask DisposeAsync() => Service.DisposeAsync();

    internal async Task FillAsync(RunningService service)
    {
        Service = service;
        var now = TimeProvider.System.GetUtcNow();
        var former = new DateTimeOffset(now.Year, now.Month, 1, 12, 0, 0, TimeSpan.Zero).AddDays(-15);
        Month = former.ToString("yyyy-MM", CultureInfo.InvariantCulture);
        await Service.GoodAsync("PUT", "v1/webhooks/trail", new { channel = "log", file = "alerts.jsonl" });
        foreach (var name in Names)
        {
            await Service.GoodAsync("PUT", $"v1/price-books/{name}-book/versions/1", new { currency = "EUR", validFrom = "2020-01-01T00:00:00Z", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = 0.04 } } });
            await Service.GoodAsync("PUT", $"v1/tenants/{name}", new { name = $"The {name} company", currency = "EUR", priceBook = $"{name}-book" });
            await Service.GoodAsync("PUT", $"v1/tenants/{name}/contract", new { terms = new[] { new { validFrom = "2020-01-01T00:00:00Z", discount = 10 } } });
            Readers[name] = await Service.NewKeyAsync("reader", name);
        }

        await Service.GoodAsync("PUT", "v1/ownership-rules", new { rules = Names.Select(name => new { match = new { path = $"/{name}/*" }, tenant = name }) });
        foreach (var name in Names)
            await Service.GoodAsync("PUT", $"v1/quotas/{name}-cpu", new { subject = new { tenant = name }, meter = "cpuSeconds", window = "month", limit = 1, thresholds = new[] { 100 }, notify = new[] { "trail" } });
        var writer = Service.Services.GetRequiredService<GroupWriter>();
        await WriteAsync(writer, new BatchSeries("shared-host", former));
        await WriteAsync(writer, new BatchSeries("second-host", now.AddMinutes(-5)));
        await Service.GoodAsync("POST", $"v1/periods/{Month}/close", new { waive = new[] { "shared-host", "second-host" } });
        foreach (var invoice in (await Service.GoodAsync("GET", "v1/invoices")).Json.GetProperty("invoices").EnumerateArray())
        {
            var (tenant, id) = (invoice.GetProperty("tenant").GetString()!, invoice.GetProperty("id").GetString()!);
            if (!Names.Contains(tenant)) continue;
            Invoices[tenant] = id;
            Charges[tenant] = (await Service.GoodAsync("GET", $"v1/invoices/{id}/charges")).Json[0].GetProperty("id").GetString()!;
        }

        Assert.Equal(Names.Count, Charges.Count);
    }

    /// <summary>What a parameter of a route is for a tenant. A new route with an id needs a line here.</summary>
    internal string Id(ApiOperation route, string parameter, string of) => (route.Path.Split('/')[2], parameter) switch
    {
        ("tenants", "id") => of,
        ("quotas", "id") => of + "-cpu",
        ("invoices", "id") => Invoices.GetValueOrDefault(of, "999999"),
        ("charges", "id") => Charges.GetValueOrDefault(of, Month + "-999999"),
        ("price-books", "id") => of + "-book",
        ("price-books", "number") => "1",
        ("periods", "period") => of == Absent ? "2001-01" : Month,
        ("webhooks", "id") => of == Absent ? Absent : "trail",
        ("webhooks", "eventId") => of,
        ("quota-plans" or "silences" or "reports" or "api-keys", "id") => of,
        ("reports", "occurrence") => "1",
        ("agents", "host") => of == Absent ? Absent : "shared-host",
        _ => throw new NotSupportedException($"Say in {nameof(TwoTenants)} what '{parameter}' of {route} is for each tenant."),
    };

    private static async Task WriteAsync(GroupWriter writer, BatchSeries host)
    {
        for (var pass = 0; pass < 3; pass++)
        {
            var batch = host.Next([.. Names.Select(name => ($"/{name}/app", 7_200_000UL, false))]);
            await writer.WriteAsync([BatchSeries.Item(batch)], TestContext.Current.CancellationToken);
        }
    }
}
