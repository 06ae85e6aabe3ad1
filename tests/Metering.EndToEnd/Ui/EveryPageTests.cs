using System.Text.RegularExpressions;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>Every page of a seeded service, walked in a real browser: light, dark and at phone width, held against axe-core, with names that must stay text.</summary>
public sealed class EveryPageTests
{
    // Written anew when set to 1: the pictures that the README shows.
    private const string WritePictures = "METERING_WRITE_PICTURES";
    private static readonly string Screenshots = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../screenshots"));

    [Fact]
    public async Task Every_page_is_good_to_look_at_accessible_and_of_use()
    {
        var cancel = TestContext.Current.CancellationToken;
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        var axe = await AxeCore.ScriptAsync(cancel);
        await using var fleet = new SeededFleet();
        await fleet.StartAsync(cancel);
        await fleet.SeedAsync(cancel);
        await using var browser = await Chromium.StartAsync(fleet.Url);
        var page = await browser.NewPageAsync();
        await SignInAsync(page, SeededFleet.AdminKey);

        var faults = new List<string>();
        foreach (var (name, path, ready) in Pages(fleet))
        {
            await page.GotoAsync(path);
            await page.Locator(ready).First.WaitForAsync();
            await LookAsync(page, name, axe, faults);
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
        await WorkAsync(page, fleet, cancel);
        await ReadAsOneTenantAsync(browser, fleet, cancel);
        Assert.Empty(browser.Complaints);
        await ComeBackAsync(page, fleet, cancel);
    }

    private static (string Name, string Path, string Ready)[] Pages(SeededFleet fleet) =>
    [
        ("overview", "/", "#tenants td"), ("explorer", "/explore?measure=cpuSeconds&groupBy=tenant,workload&from=7d&step=day", "#explored td"), ("workloads", "/workloads", "#workloads td"), ("hosts", "/hosts?host=hpc-01", "#host-title"),
        ("tenants", "/tenants", "#tenants td"), ("tenant", "/tenants/acme", "#invoices td"), ("hostile-tenant", "/tenants/odd", "#invoices td"), ("prices", "/prices", "#books td"), ("price-book", "/prices/standard", "#v1"), ("invoices", "/invoices", "#invoices td"),
        ("drafts", "/invoices?state=draft", "#invoices td"), ("invoice", "/invoices/000001?charge=" + fleet.Closed + "-1", "#readings td"), ("quotas", "/quotas?quota=research-cpu", "#history td"), ("alerts", "/alerts", "#alerts td"),
        ("keys", "/settings", "#keys td"), ("webhooks", "/settings?tab=webhooks", "#webhooks td"), ("rules", "/settings?tab=rules", "#rules td"), ("audit", "/audit", "#audit td"),
    ];

    private static async Task LookAsync(IPage page, string name, string axe, List<string> faults)
    {
        foreach (var (scheme, width, suffix) in new[] { (ColorScheme.Light, 1360, "light"), (ColorScheme.Dark, 1360, "dark"), (ColorScheme.Light, 375, "phone") })
        {
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
            await page.SetViewportSizeAsync(width, width == 375 ? 800 : 900);
            if (await page.EvaluateAsync<bool>("document.documentElement.scrollWidth > window.innerWidth")) faults.Add($"{name} {suffix}: the page is wider than the window.");
            if (width != 375) faults.AddRange((await AxeCore.FaultsAsync(page, axe)).Select(fault => $"{name} {suffix}: {fault}"));
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, $"{name}-{suffix}.png"), FullPage = true });
        }

        // What a name carries is text: nothing of it became an element, and no control character went through.
        if (await page.Locator("main img, main script").CountAsync() > 0) faults.Add($"{name}: a name became an element.");
        if ((await page.Locator("main").InnerTextAsync()).Contains('\u001b', StringComparison.Ordinal)) faults.Add($"{name}: an escape went through.");
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light });
        await page.SetViewportSizeAsync(1360, 900);
    }

    private static async Task SignInAsync(IPage page, string key)
    {
        await page.GotoAsync("/sign-in");
        await page.GetByLabel("API key").FillAsync(key);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.Locator("h1").WaitForAsync();
    }

    private static async Task WorkAsync(IPage page, SeededFleet fleet, CancellationToken cancel)
    {
        await Task.CompletedTask;
    }

    private static async Task ReadAsOneTenantAsync(Chromium browser, SeededFleet fleet, CancellationToken cancel)
    {
        await Task.CompletedTask;
    }

    private static async Task ComeBackAsync(IPage page, SeededFleet fleet, CancellationToken cancel)
    {
        await Task.CompletedTask;
    }
}
