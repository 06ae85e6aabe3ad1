using System.Globalization;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>Every page of a seeded service, walked in a real browser: light, dark and at phone width, held against axe-core, with names that must stay text.</summary>
public sealed class EveryPageTests
{
    private const int Width = 1360, PhoneWidth = 390;

    // Drawn anew for the width that the window has now.
    private const string ChartFits = "() => [...document.querySelectorAll('.chart')].every(chart => [...chart.querySelectorAll('svg path, svg text')].every(part => part.getBoundingClientRect().right <= chart.getBoundingClientRect().right + 1))";

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

        await MonthSteps.CloseAsync(page, fleet, Screenshots);
        await HurryAsync(page, browser.Complaints);
        var faults = new List<string>();
        foreach (var (name, path, ready) in Pages(fleet))
        {
            await page.GotoAsync(path);
            try
            {
                await page.Locator(ready).First.WaitForAsync();
                if (await page.Locator("main figure").CountAsync() > 0) await page.Locator(".chart svg path").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
            }
            catch (TimeoutException)
            {
                faults.Add($"{name}: '{ready}' does not appear: {await page.Locator("main").InnerTextAsync()}");
            }

            await LookAsync(page, name, axe, faults);
        }

        await LookAtDocsAsync(page, axe, faults);
        Assert.True(faults.Count == 0, string.Join('\n', faults) + "\n" + string.Join('\n', browser.Complaints) + "\n" + fleet.Output);
        if (Environment.GetEnvironmentVariable(WritePictures) == "1")
        {
            await PictureAsync(page, "overview", "/", ColorScheme.Light, 1280, 900);
            await PictureAsync(page, "explorer", "/explore?measure=cpuSeconds&groupBy=tenant,workload&from=7d&step=day", ColorScheme.Dark, 1280, 900);
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce });
            await page.SetViewportSizeAsync(1360, 900);
        }

        try
        {
            await WorkAsync(page, fleet, cancel);
            await ThemeSteps.ChooseAsync(page, await browser.NewPageAsync(script: false));
        }
        catch (TimeoutException e)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "stuck.png") });
            Assert.Fail($"{e.Message}\nat {page.Url}: {string.Join("; ", browser.Complaints)}\n{await page.Locator("main").InnerTextAsync()}\n{fleet.Output}");
        }

        await ReadAsOneTenantAsync(browser, fleet, cancel);
        Assert.Empty(browser.Complaints);
        await ComeBackAsync(page, fleet, cancel);
    }

    // Few and small; they are looked at before they are kept.
    private static async Task PictureAsync(IPage page, string name, string path, ColorScheme scheme, int width, int height)
    {
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
        await page.SetViewportSizeAsync(width, height);
        await OpenAsync(page, path);
        if (await page.Locator("main figure").CountAsync() > 0) await page.Locator(".chart svg path").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(RepositoryFiles.Root, "docs")).FullName, name + ".png");
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = file });
        Assert.InRange(new FileInfo(file).Length, 1, 150 * 1024);
    }

    private static (string Name, string Path, string Ready)[] Pages(SeededFleet fleet) =>
    [
        ("overview", "/", "#tenants td"), ("explorer", "/explore?measure=cpuSeconds&groupBy=tenant,workload&from=7d&step=day", "#explored td"), ("hostile-project", "/explore?measure=cpuSeconds&groupBy=project&from=7d&step=day&filter=tenant:odd", "#explored td"), ("workloads", "/workloads", "#workloads td"), ("hosts", "/hosts?host=hpc-01", "#host-title"),
        ("tenants", "/tenants", "#tenants td"), ("tenant", "/tenants/acme", "#invoices td"), ("hostile-tenant", "/tenants/odd", "#invoices td"), ("prices", "/prices", "#books td"), ("price-book", "/prices/standard", "#v1"), ("hostile-book", "/prices/" + Uri.EscapeDataString(SeededFleet.HostileTenant), "#v1"), ("invoices", "/invoices", "#invoices td"),
        ("month", "/invoices/months/" + fleet.Closed, "a[href*='exports/focus']"), ("drafts", "/invoices?state=draft", "#invoices td"), ("invoice", "/invoices/000001?charge=" + fleet.Closed + "-2", "#readings td"), ("quotas", "/quotas?quota=research-cpu", "#history td"), ("alerts", "/alerts", "#alerts td"),
        ("keys", "/settings", "#keys td"), ("webhooks", "/settings?tab=webhooks", "#webhooks td"), ("rules", "/settings?tab=rules", "#rules td"), ("audit", "/audit", "#audit td"),
    ];

    // The page is a package's: it is not walked by our checks of pages, and has one look.
    private static async Task LookAtDocsAsync(IPage page, string axe, List<string> faults)
    {
        await page.GotoAsync("/docs/index.html");
        await page.Locator(".opblock").First.WaitForAsync();
        foreach (var (width, suffix) in new[] { (Width, "light"), (PhoneWidth, "phone") })
        {
            await page.SetViewportSizeAsync(width, 900);
            faults.AddRange((await AxeCore.FaultsAsync(page, axe)).Select(fault => $"docs {suffix}: {fault}"));
            if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") > width) faults.Add($"docs {suffix}: the page is wider than the window");
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, $"docs-{suffix}.png") });
        }

        await page.SetViewportSizeAsync(Width, 900);
    }

    private static async Task LookAsync(IPage page, string name, string axe, List<string> faults)
    {
        void Add(string where, IEnumerable<string> found) => faults.AddRange(found.Select(fault => $"{name} {where}: {fault}"));
        Add("by keys", await PageChecks.ByKeysAsync(page));
        foreach (var (scheme, width, suffix) in new[] { (ColorScheme.Light, Width, "light"), (ColorScheme.Dark, Width, "dark"), (ColorScheme.Light, PhoneWidth, "phone") })
        {
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
            await page.SetViewportSizeAsync(width, width == PhoneWidth ? 844 : 900);
            if (await page.Locator("main figure").CountAsync() > 0) await page.WaitForFunctionAsync(ChartFits);
            if (width == PhoneWidth) Add(suffix, await PageChecks.AtPhoneWidthAsync(page));
            else if (scheme == ColorScheme.Light) Add(suffix, await PageChecks.AtDeskWidthAsync(page));

            Add(suffix, await AxeCore.FaultsAsync(page, axe));
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, $"{name}-{suffix}.png"), FullPage = true });
        }

        Add("names", await PageChecks.OfNamesAsync(page));
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light });
        await page.SetViewportSizeAsync(Width, 900);
    }

    internal static async Task SignInAsync(IPage page, string key)
    {
        await page.GotoAsync("/sign-in");
        await page.GetByLabel("API key").FillAsync(key);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.Locator("#who").WaitForAsync(new() { State = WaitForSelectorState.Attached });
    }

    // A choice is not lost, however early it is made: the page takes none before it is connected.
    private static async Task HurryAsync(IPage page, List<string> complaints)
    {
        for (var i = 0; i < 5; i++)
        {
            await page.GotoAsync("/explore?measure=cpuSeconds&groupBy=tenant&from=7d&step=day", new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
            await page.GetByLabel("Grouped by").SelectOptionAsync("kind");
            try
            {
                // The address itself: waiting for its event misses one that has been.
                await page.WaitForFunctionAsync("() => location.search.includes('groupBy=kind')");
            }
            catch (TimeoutException)
            {
                Assert.Fail($"The choice is lost, time {i}, at {page.Url}: {await page.GetByLabel("Grouped by").InputValueAsync()} is shown; {string.Join("; ", complaints)}");
            }
        }
    }

    private static async Task WorkAsync(IPage page, SeededFleet fleet, CancellationToken cancel)
    {
        // The explorer: another grouping is another address, which shows the same to whoever opens it, and the CSV has the same figures.
        await OpenAsync(page, "/explore?measure=cpuSeconds&groupBy=tenant&from=7d&step=day");
        await page.Locator("#explored td").First.WaitForAsync();
        await page.GetByLabel("Grouped by").SelectOptionAsync("kind");
        await page.WaitForFunctionAsync("() => location.search.includes('groupBy=kind')");
        var docker = page.Locator("#explored tr", new() { HasText = "docker" }).Locator("span[title]").Last;
        await docker.WaitForAsync();
        var (shown, address) = (await docker.GetAttributeAsync("title"), page.Url);
        await OpenAsync(page, address);
        Assert.Equal(shown, await docker.GetAttributeAsync("title"));
        var csv = await (await page.APIRequest.GetAsync(fleet.Url + await page.Locator("#csv").GetAttributeAsync("href"), new() { Headers = new Dictionary<string, string> { ["Cookie"] = string.Join("; ", (await page.Context.CookiesAsync()).Select(cookie => $"{cookie.Name}={cookie.Value}")) } })).TextAsync();
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r').Split(',')).ToList();
        var (kind, cpu) = (Array.IndexOf(lines[0], "kind"), Array.IndexOf(lines[0], "cpuSeconds"));
        Assert.Equal(Parse(shown!), lines.Skip(1).Where(line => line[kind] == "docker").Sum(line => decimal.Parse(line[cpu], CultureInfo.InvariantCulture)));
        await page.GetByLabel("Only").FillAsync("no filter");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add" }).ClickAsync();
        await page.GetByText("The filter 'no filter' is none").WaitForAsync();

        // Prices: a dry run tells the difference of each tenant before anything is changed.
        await OpenAsync(page, "/prices/standard");
        await page.Locator("#edit").ClickAsync();
        await page.GetByLabel("Price 2", new() { Exact = true }).FillAsync("dear");
        await page.Locator("#dry-run").ClickAsync();
        await page.GetByText("The price 'dear' is no number").WaitForAsync();
        await page.GetByLabel("Price 2", new() { Exact = true }).FillAsync("0.0124");
        await page.Locator("#dry-run").ClickAsync();
        await page.Locator("#difference tr", new() { HasText = "acme" }).GetByText("+").WaitForAsync();
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "dry-run.png"), FullPage = true });
        await page.GetByLabel("Valid from, UTC").FillAsync(TimeProvider.System.GetUtcNow().AddMonths(2).ToString("yyyy-MM-01'T'00:00", CultureInfo.InvariantCulture));
        await page.Locator("#save").ClickAsync();
        await page.GetByText("Version 2 of standard is saved").WaitForAsync();
        Assert.Equal(2, await page.Locator("main h2", new() { HasText = "Version" }).CountAsync());

        // An invoice that is wrong: taken back with the reason, and issued anew.
        await OpenAsync(page, "/invoices/000003");
        await page.GetByLabel("Why it is taken back").FillAsync("<b>wrong address</b>");
        await page.Locator("#void").ClickAsync();
        await page.GetByText("Really take it back").ClickAsync();
        await page.GetByText("<b>wrong address</b>").WaitForAsync();
        await page.Locator("#reissue").ClickAsync();
        await page.GetByText("issued anew as").WaitForAsync();

        // Rules: what they would match is seen before it holds.
        await OpenAsync(page, "/settings?tab=rules");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a rule" }).ClickAsync();
        await page.GetByLabel("Path of rule 5").FillAsync("/system.slice/*");
        await page.GetByLabel("Tenant of rule 5").FillAsync("nobody-known");
        await page.Locator("#preview").ClickAsync();
        await page.GetByRole(AriaRole.Alert).GetByText("nobody-known").WaitForAsync();
        await page.GetByLabel("Tenant of rule 5").FillAsync("shop");
        await page.Locator("#preview").ClickAsync();
        await page.Locator("#preview-sum", new() { HasText = "1 with another owner than now, 0 unattributed" }).WaitForAsync();
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "rules-preview.png"), FullPage = true });
        await page.Locator("#save").ClickAsync();
        await page.GetByText("usage that is stored is attributed anew").WaitForAsync();

        // Keys: shown once, revoked by two clicks.
        await OpenAsync(page, "/settings");
        await page.GetByLabel("Role").SelectOptionAsync("scrape");
        await page.GetByLabel("Name").FillAsync("<b>prometheus</b>");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make key" }).ClickAsync();
        Assert.StartsWith("mtr_scrape_", await page.Locator("#secret").InnerTextAsync());
        var key = page.Locator("#keys tr", new() { HasText = "<b>prometheus</b>" });
        await key.GetByRole(AriaRole.Button).ClickAsync();
        await key.GetByText("Really revoke").ClickAsync();
        await key.WaitForAsync(new() { State = WaitForSelectorState.Detached });
        await OpenAsync(page, "/settings?tab=webhooks");
        await page.GetByLabel("Id", new() { Exact = true }).FillAsync("inside");
        await page.GetByLabel("URL").FillAsync("ftp://127.0.0.1/");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GetByRole(AriaRole.Alert).GetByText("The scheme is 'ftp'").WaitForAsync();

        // What somebody else has changed since it was opened here is not undone.
        await page.GetByRole(AriaRole.Button, new() { Name = "Change trail" }).ClickAsync();
        await page.Locator("#new-title", new() { HasText = "Change trail" }).WaitForAsync();
        await fleet.PutAsync("/v1/webhooks/trail", new { channel = "log", file = "theirs.jsonl" }, cancel);
        await page.GetByLabel("File").FillAsync("mine.jsonl");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GetByRole(AriaRole.Alert).GetByText("Somebody else has changed or made it meanwhile").WaitForAsync();
        await page.Locator("#webhooks").GetByText("theirs.jsonl").WaitForAsync();

        // Quotas: made by the form, refused with the reason.
        await OpenAsync(page, "/quotas");
        await page.GetByRole(AriaRole.Button, new() { Name = "New quota" }).ClickAsync();
        await page.GetByLabel("Id", new() { Exact = true }).FillAsync("shop-cpu");
        await page.GetByLabel("Tenant").FillAsync("shop");
        await page.GetByLabel("Limit").FillAsync("much");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.GetByText("The limit 'much' is no number").WaitForAsync();
        await page.GetByLabel("Limit").FillAsync("360000");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.Locator("#quotas").GetByText("shop-cpu").WaitForAsync();
        await KeysAsync(page);

        // All of it is in the audit log, and every page is reached by keys alone.
        await OpenAsync(page, "/audit");
        var log = await page.Locator("#audit").InnerTextAsync();
        foreach (var action in new[] { "price-version.put", "ownership-rules.put", "quota.put", "invoice.voided", "invoice.reissued" }) Assert.Contains(action, log);
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("Skip to the content", await page.EvaluateAsync<string>("document.activeElement.innerText"));
        await page.Keyboard.PressAsync("Enter");
        Assert.Equal("content", await page.EvaluateAsync<string>("document.activeElement.id"));
        await page.SetViewportSizeAsync(375, 800);
        await page.GetByRole(AriaRole.Button, new() { Name = "Menu" }).FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("#menu")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(page.Locator("#menu")).ToBeHiddenAsync();
        Assert.Equal("Menu", await page.EvaluateAsync<string>("document.activeElement.innerText"));
        await page.Keyboard.PressAsync("Enter");
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "menu-phone.png") });
        await page.GetByRole(AriaRole.Link, new() { Name = "Tenants", Exact = true }).FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForFunctionAsync("() => location.pathname === '/tenants'");
        await Assertions.Expect(page.Locator("#menu")).ToBeHiddenAsync();
        await page.SetViewportSizeAsync(1360, 900);
    }

    // A form takes the focus when it is opened and gives it back when it is closed; a table is sorted by its arrow keys and Enter.
    private static async Task KeysAsync(IPage page)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = "New quota" }).FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForFunctionAsync("() => document.activeElement.matches('section[data-opened]')");
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("Close", await page.EvaluateAsync<string>("document.activeElement.innerText"));
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForFunctionAsync("() => document.activeElement.innerText === 'New quota'");
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("grid", await page.EvaluateAsync<string>("document.activeElement.getAttribute('role')"));
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Locator("#quotas th.rz-state-focused").WaitForAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.Locator("#quotas th .rzi-sort-asc").WaitForAsync();
    }

    private static async Task ReadAsOneTenantAsync(Chromium browser, SeededFleet fleet, CancellationToken cancel)
    {
        var page = await browser.NewPageAsync();
        await SignInAsync(page, await fleet.KeyAsync("reader", "acme", cancel));
        foreach (var path in new[] { "/", "/explore?measure=cpuSeconds&groupBy=tenant", "/explore?measure=cost&groupBy=workload&filter=tenant:shop", "/workloads", "/hosts", "/tenants", "/prices/standard", "/invoices", "/invoices?state=draft", "/quotas", "/alerts", "/settings", "/settings?tab=rules", "/audit" })
        {
            await OpenAsync(page, path);
            var text = await page.Locator("main").InnerTextAsync();
            foreach (var foreign in new[] { "research", "checkout", "shop-", "odd", "mtr_" }) Assert.False(text.Contains(foreign, StringComparison.Ordinal), $"{path} tells acme of {foreign}: {text}");
        }

        Assert.Equal(0, await page.GetByRole(AriaRole.Link, new() { Name = "Settings" }).CountAsync());
        Assert.Equal(await FaultOfAsync(page, "/tenants/", "research"), await FaultOfAsync(page, "/tenants/", "nowhere"));
        Assert.Equal(await FaultOfAsync(page, "/invoices/", "000003"), await FaultOfAsync(page, "/invoices/", "999999"));
    }

    // What a page says of something that is not there, without its name.
    private static async Task<string> FaultOfAsync(IPage page, string path, string id)
    {
        await OpenAsync(page, path + id);
        return (await page.Locator("main").InnerTextAsync()).Replace(id, "…", StringComparison.Ordinal);
    }

    private static async Task ComeBackAsync(IPage page, SeededFleet fleet, CancellationToken cancel)
    {
        await OpenAsync(page, "/quotas");
        await page.GetByRole(AriaRole.Button, new() { Name = "New quota" }).ClickAsync();
        await page.GetByLabel("Id", new() { Exact = true }).FillAsync("typed-before");
        await page.GetByLabel("Limit").FillAsync("4711");
        await fleet.KillAsync(cancel);
        var away = page.Locator("#components-reconnect-modal");
        await Assertions.Expect(away).ToBeVisibleAsync(new() { Timeout = 30_000 });
        Assert.Contains("does not answer", await away.InnerTextAsync());
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "away.png") });
        await fleet.StartAsync(cancel);
        await Assertions.Expect(away).ToBeHiddenAsync(new() { Timeout = 90_000 });

        // What was typed is there again, and the page knows it.
        await Assertions.Expect(page.GetByLabel("Id", new() { Exact = true })).ToHaveValueAsync("typed-before", new() { Timeout = 30_000 });
        await Assertions.Expect(page.GetByLabel("Limit")).ToHaveValueAsync("4711");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await page.Locator("#quotas tr", new() { HasText = "typed-before" }).GetByText("1.31 core-hours").WaitForAsync();
    }

    // What is sent first is a picture; it takes part once it is live.
    internal static async Task OpenAsync(IPage page, string path)
    {
        await page.GotoAsync(path);
        await page.Locator(".head[data-live]").WaitForAsync();
    }

    private static decimal Parse(string title) => decimal.Parse(title.Split(' ')[0], CultureInfo.InvariantCulture);
}
