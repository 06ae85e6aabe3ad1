using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.EndToEnd.Billing;

/// <summary>SIGKILL at random moments of closing a month: either every invoice is there or none is.</summary>
public sealed class KilledClosingTests
{
    private const int Tenants = 6, Workloads = 300, Kills = 4;
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_again_and_again_each_tenant_has_one_invoice()
    {
        var seed = RandomNumberGenerator.GetInt32(int.MaxValue);
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        await using var service = ServiceProcess.Service();
        await service.StartReadyAsync(Cancel);
        var month = await FillAsync(service);

        for (var kill = 0; kill < Kills; kill++)
        {
            var closing = CloseAsync(service, month);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 900)), TimeProvider.System, Cancel);
            await service.KillAsync(Cancel);
            await closing;
            service.Start();
            await service.ReadyAsync(Cancel);
            Assert.True(await NumbersAsync(service) is { Count: 0 or Tenants }, $"After kill {kill} of seed {seed} not every invoice is there.");
        }

        Assert.Equal(HttpStatusCode.OK, await CloseAsync(service, month));
        var issued = await BytesAsync(service);
        Assert.Equal(HttpStatusCode.OK, await CloseAsync(service, month));
        Assert.Equal(issued, await BytesAsync(service));
        Assert.Equal(Enumerable.Range(1, Tenants).Select(number => number.ToString("000000", CultureInfo.InvariantCulture)), (await NumbersAsync(service)).Order());
        Assert.Equal(Tenants, issued.Values.Select(bytes => JsonSerializer.Deserialize<JsonElement>(bytes).GetProperty("tenant").GetProperty("id").GetString()).Distinct().Count());
        await using var verify = MeteringProcess.Launch(["verify", "--url", service.Url, "--key", ServiceProcess.AdminKey]);
        Assert.True(await verify.WaitForExitAsync(Soon, Cancel) == 0, verify.Output);
        service.SaidNoStackTrace();
    }

    private static async Task<string> FillAsync(ServiceProcess service)
    {
        var now = TimeProvider.System.GetUtcNow();
        var first = new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(-2);
        for (var i = 0; i < Tenants; i++) await service.SendAsync(HttpMethod.Put, $"v1/tenants/t{i}", new { currency = "EUR", priceBook = "standard" }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/ownership-rules", new { rules = Enumerable.Range(0, Tenants).Select(i => new { match = new { path = $"/t{i}/*" }, tenant = $"t{i}" }) }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/price-books/standard/versions/1", new { currency = "EUR", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = 0.1 } } }, Cancel);
        var host = new BatchSeries("billed", first, seconds: 3600 * 24);
        for (var day = 0; day < 33; day++)
        {
            var (status, answer) = await new BatchDouble(host.Next([.. Enumerable.Range(0, Workloads).Select(i => ($"/t{i % Tenants}/w{i}", 3_600_000UL + (ulong)i, false))])).PostAsync(service.Client, Cancel);
            Assert.True(status == HttpStatusCode.OK, answer.ToString());
        }

        return first.ToString("yyyy-MM", CultureInfo.InvariantCulture);
    }

    // Null when the service ended under it.
    private static async Task<HttpStatusCode?> CloseAsync(ServiceProcess service, string month)
    {
        try
        {
            using var answer = await service.Client.PostAsync(new Uri($"v1/periods/{month}/close", UriKind.Relative), new StringContent("{}", System.Text.Encoding.UTF8, "application/json"), Cancel);
            return answer.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static async Task<List<string>> NumbersAsync(ServiceProcess service) =>
        [.. (await service.GetAsync("v1/invoices", Cancel)).GetProperty("invoices").EnumerateArray().Select(invoice => invoice.GetProperty("id").GetString()!)];

    private static async Task<Dictionary<string, string>> BytesAsync(ServiceProcess service)
    {
        var bytes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var number in await NumbersAsync(service)) bytes[number] = await service.Client.GetStringAsync(new Uri("v1/invoices/" + number, UriKind.Relative), Cancel);
        return bytes;
    }
}
