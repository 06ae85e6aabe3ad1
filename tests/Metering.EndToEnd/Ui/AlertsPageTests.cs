using Metering.EndToEnd.Servers;
using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>The page of alerts, seen through a real browser.</summary>
public sealed class AlertsPageTests
{
    private static readonly string Screenshots = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../screenshots"));

    [Fact]
    public async Task Alerts_deliveries_and_silences_are_seen_and_worked_with()
    {
        var cancel = TestContext.Current.CancellationToken;
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        await using var metering = await RunningMetering.StartAsync(cancel);
        await using var browser = await Chromium.StartAsync(metering.Url);
        await metering.PutAsync("/v1/webhooks/trail", new { channel = "log", file = "alerts.jsonl" }, cancel);
        await metering.PutAsync("/v1/webhooks/ops", new { url = "https://nowhere.invalid/a/rather/long/path/that/does/not/fit/into/its/column" }, cancel);
        await metering.PutAsync("/v1/quotas/all-cpu", new { subject = new { tenant = "unattributed" }, meter = "cpuSeconds", window = "day", limit = 0.01, thresholds = new[] { 50, 100 }, notify = new[] { "trail", "ops" } }, cancel);
        await metering.PutAsync("/v1/quotas/img-src-x", new { subject = new { tenant = "unattributed" }, meter = "lifetimeSeconds", window = "month", limit = 1, notify = new[] { "trail" } }, cancel);

        var page = await browser.NewPageAsync();
        await page.GotoAsync(metering.SignInLink);
        await page.GetByRole(AriaRole.Link, new() { Name = "Alerts" }).ClickAsync();
        await page.Locator("#alerts .state.firing").First.WaitForAsync();
        await page.Locator("#alerts tr", new() { HasText = "all-cpu" }).GetByText("100 %").WaitForAsync();
        await page.Locator("#endpoints .state.failing").WaitForAsync();

        // What was sent first is a picture; it is live once it ticks.
        await page.WaitForFunctionAsync("before => document.querySelector('#live').innerText !== before", await page.Locator("#live").InnerTextAsync());

        // A test, its delivery, its attempts, and once more.
        await page.GetByRole(AriaRole.Button, new() { Name = "Send a test to trail" }).ClickAsync();
        await page.Locator("#said").GetByText("on its way to trail").WaitForAsync();
        await page.Locator("#deliveries").GetByText("test_").First.WaitForAsync();

        // Its own row: deliveries of alerts come above it at any time.
        var test = page.Locator("#deliveries tr", new() { HasText = "test_" }).First;
        await test.Locator(".state.delivered").WaitForAsync();
        await test.Locator(".rz-row-toggler").ClickAsync();
        await page.Locator(".attempts").GetByText("Written.").WaitForAsync();
        await test.Locator(".again").ClickAsync();
        await page.Locator(".attempts tbody tr:nth-child(2)").WaitForAsync();

        // By state and time: nothing before yesterday, and all since then once more.
        var yesterday = TimeProvider.System.GetUtcNow().AddDays(-1).ToString("yyyy-MM-ddTHH:mm", System.Globalization.CultureInfo.InvariantCulture);
        await page.GetByLabel("Recorded before, UTC").FillAsync(yesterday);
        await page.GetByLabel("Recorded before, UTC").PressAsync("Tab");
        await page.Locator("#deliveries").GetByText("Nothing was sent yet.").WaitForAsync();
        await page.GetByLabel("Recorded before, UTC").FillAsync("");
        await page.GetByLabel("Recorded from, UTC").FillAsync(yesterday);
        await page.GetByLabel("Recorded from, UTC").PressAsync("Tab");
        await page.GetByRole(AriaRole.Button, new() { Name = "Send all again" }).ClickAsync();
        await page.Locator("#deliveries").GetByText("on their way again").WaitForAsync();

        await page.GetByLabel("Labels that have to match").FillAsync("quota=all-*");
        await page.GetByLabel("Why").FillAsync("maintenance");
        await page.GetByRole(AriaRole.Button, new() { Name = "Silence", Exact = true }).ClickAsync();
        await page.Locator("#silences").GetByText("quota=all-*").WaitForAsync();
        await page.Locator("#alerts").GetByText("silenced").First.WaitForAsync();
        Assert.Contains("quota=all-*", await page.Locator("#silences").InnerTextAsync());
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "alerts-light.png"), FullPage = true });

        var (_, finance) = await metering.NewKeyAsync("finance", null, cancel);
        foreach (var (name, scheme, width, isAdmin) in new[] { ("alerts-dark", ColorScheme.Dark, 1360, true), ("alerts-phone", ColorScheme.Light, 375, true), ("alerts-finance", ColorScheme.Dark, 375, false) })
        {
            var other = await browser.NewPageAsync(scheme, width, 800);
            await other.GotoAsync("/sign-in");
            await other.GetByLabel("API key").FillAsync(isAdmin ? metering.AdminKey : finance);
            await other.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
            await other.GotoAsync("/alerts");
            await other.Locator("#alerts .state.firing").First.WaitForAsync();
            Assert.Equal(isAdmin ? 1 : 0, await other.Locator("#silences").CountAsync());
            Assert.True(await other.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{name}: the page is wider than the window.");
            await other.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, name + ".png"), FullPage = true });
        }

        await page.GetByRole(AriaRole.Button, new() { Name = "End now" }).ClickAsync();
        await page.Locator("#silences").GetByText("ended").WaitForAsync();
        Assert.Empty(browser.Complaints);
    }
}
