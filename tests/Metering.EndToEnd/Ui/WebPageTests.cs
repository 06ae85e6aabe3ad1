using System.Globalization;
using Metering.EndToEnd.Servers;
using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>The web page of <c>metering up</c>, seen through a real browser.</summary>
public sealed class WebPageTests
{
    private static readonly string Screenshots = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../screenshots"));

    [Fact]
    public async Task Page_shows_what_the_ledger_holds_and_updates_by_itself()
    {
        var cancel = TestContext.Current.CancellationToken;
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        await using var busy = BusyCgroup.TryStart("ui-page");
        await using var metering = await RunningMetering.StartAsync(cancel);
        await using var browser = await Chromium.StartAsync(metering.Url);

        var page = await browser.NewPageAsync();
        await page.GotoAsync(metering.SignInLink);
        await page.GotoAsync("/workloads");
        await page.Locator("#workloads .kind").GetByText("system", new() { Exact = true }).First.WaitForAsync();
        await page.Locator(".chart .rz-column-series path").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });

        Assert.Contains("1 host", await page.Locator("#hosts").InnerTextAsync());
        Assert.Contains("live", await page.Locator("#live").InnerTextAsync());
        Assert.Contains("unattributed", await page.Locator("#tenants").InnerTextAsync());
        Assert.Contains("no prices yet", await page.Locator("#tile-cost").InnerTextAsync());

        // Read between two readings of the API, since figures grow all the while.
        var before = await metering.CpuSecondsAsync(cancel);
        var first = await CpuAsync(page);
        await page.WaitForFunctionAsync("before => [...document.querySelectorAll('#workloads .cpu')].some(cell => cell.title !== before)", first);
        await Eventually(async () => await CpuAsync(page) is var text && Parse(text) > Parse(first) && Parse(text) >= before[("system", SystemName(before))], "The page does not follow the ledger.", cancel);
        var shown = Parse(await CpuAsync(page));
        var after = await metering.CpuSecondsAsync(cancel);
        Assert.InRange(shown, before[("system", SystemName(before))], after[("system", SystemName(after))]);
        await Eventually(async () => await page.Locator("#now").InnerTextAsync() is not "–", "The present rate does not appear.", cancel);

        // A click sorts, and the next refresh leaves it so.
        await page.Locator("#workloads th").GetByText("Name").ClickAsync();
        await page.Locator("#search").FillAsync("system");
        await Task.Delay(TimeSpan.FromSeconds(4), TimeProvider.System, cancel);
        Assert.Equal("system", await page.Locator("#workloads .kind").First.InnerTextAsync());
        Assert.Equal(1, await page.Locator("#workloads th .rzi-sort-asc").CountAsync());
        if (busy is not null) Assert.DoesNotContain(busy.Name, await page.Locator("#workloads").InnerTextAsync());

        await page.GetByText("Sign out").ClickAsync();
        await page.WaitForURLAsync("**/sign-in");
        await page.GotoAsync("/");
        Assert.Contains("/sign-in", page.Url);
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task Reader_sees_its_own_tenant_and_nothing_else()
    {
        var cancel = TestContext.Current.CancellationToken;
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        await using var busy = BusyCgroup.TryStart("ui-acme");
        await using var metering = await RunningMetering.StartAsync(cancel);
        await PriceAsync(metering, cancel);
        await using var browser = await Chromium.StartAsync(metering.Url);
        if (busy is not null)
            await Eventually(async () => (await metering.CpuSecondsAsync(cancel)).Any(row => row.Key.Name.Contains("ui-acme", StringComparison.Ordinal) && row.Value > 1), "The cgroup is not metered.", cancel);
        var (id, secret) = await metering.NewKeyAsync("reader", "acme", cancel);

        var page = await browser.NewPageAsync();
        await SignInAsync(page, secret);
        await page.GotoAsync("/workloads");
        await page.Locator("#live").WaitForAsync();
        if (busy is null)
        {
            await page.Locator("#empty").WaitForAsync();
        }
        else
        {
            await page.Locator("#workloads .path").GetByText(busy.Path).WaitForAsync();
            Assert.Contains("EUR", await page.Locator("#tile-cost").InnerTextAsync());
            Assert.Equal(1, await page.Locator("#workloads .kind").CountAsync());
        }

        var text = await page.Locator("body").InnerTextAsync();
        Assert.Contains("tenant acme", text);
        Assert.DoesNotContain("unattributed", text);
        Assert.DoesNotContain("system", text);

        // A revoked key ends the open page too; what was sent first is live once it moves.
        var first = await page.Locator("#live").InnerTextAsync();
        await Eventually(async () => await page.Locator("#live").InnerTextAsync() != first, "The page does not become live.", cancel);
        using var gone = await metering.Client.DeleteAsync($"/v1/api-keys/{id}", cancel);
        Assert.Equal(204, (int)gone.StatusCode);
        try
        {
            await page.WaitForURLAsync("**/sign-in**", new() { Timeout = 30_000, WaitUntil = WaitUntilState.Commit });
        }
        catch (TimeoutException)
        {
            Assert.Fail($"The page stays open without its key, at {page.Url}: {string.Join("; ", browser.Complaints)}\n{await page.Locator("body").InnerTextAsync()}\n{metering.Output}");
        }

        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task Wrong_key_is_refused_and_the_form_needs_no_script()
    {
        var cancel = TestContext.Current.CancellationToken;
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        await using var metering = await RunningMetering.StartAsync(cancel);
        await using var browser = await Chromium.StartAsync(metering.Url);
        var page = await browser.NewPageAsync(script: false);
        var failed = new List<string>();
        page.Response += (_, answer) =>
        {
            if (answer.Status >= 400 && answer.Request.Method == "GET") failed.Add(answer.Url);
        };

        await SignInAsync(page, "mtr_admin_wrong");
        Assert.Contains("unknown", await page.GetByRole(AriaRole.Alert).InnerTextAsync());
        Assert.Contains("/sign-in", page.Url);
        await ShootAsync(page, "sign-in");

        var (_, agent) = await metering.NewKeyAsync("agent", null, cancel);
        await SignInAsync(page, agent);
        Assert.Contains("for programs", await page.GetByRole(AriaRole.Alert).InnerTextAsync());
        Assert.Empty(failed);

        // The link is good once.
        await page.GotoAsync(metering.SignInLink);
        Assert.EndsWith("/", page.Url);
        var other = await browser.NewPageAsync(script: false);
        var answer = await other.GotoAsync(metering.SignInLink);
        Assert.Equal(401, answer!.Status);

        // A post without the form's own token is not taken, whatever the key.
        using var stranger = new HttpClient { BaseAddress = new Uri(metering.Url) };
        using var forged = await stranger.PostAsync("/sign-in", new FormUrlEncodedContent([new("key", agent)]), cancel);
        Assert.Equal(400, (int)forged.StatusCode);
        foreach (var path in new[] { "/metering.css", "/_framework/blazor.web.js", "/_blazor", "/nothing" }) Assert.Equal(401, (int)(await stranger.GetAsync(path, cancel)).StatusCode);
    }

    [Fact]
    public async Task Page_is_good_to_look_at_in_light_dark_and_on_a_phone()
    {
        var cancel = TestContext.Current.CancellationToken;
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        await using var busy = BusyCgroup.TryStart("ui-look");
        await using var hostile = BusyCgroup.TryStart("ui-<img src=x onerror=alert(1)>&amp;\"'");
        await using var metering = await RunningMetering.StartAsync(cancel);
        await PriceAsync(metering, cancel);
        await using var browser = await Chromium.StartAsync(metering.Url);
        var (_, secret) = await metering.NewKeyAsync("finance", null, cancel);
        foreach (var (name, scheme, width, height) in new[] { ("light", ColorScheme.Light, 1360, 900), ("dark", ColorScheme.Dark, 1360, 900), ("phone", ColorScheme.Light, 375, 800), ("phone-dark", ColorScheme.Dark, 375, 800) })
        {
            var page = await browser.NewPageAsync(scheme, width, height);
            await SignInAsync(page, secret);
            await page.GotoAsync("/workloads");
            await page.Locator("#workloads .kind").GetByText("system", new() { Exact = true }).First.WaitForAsync();
            await page.Locator(".chart .rz-column-series path").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
            if (busy is not null) await page.Locator("#workloads .path").GetByText(busy.Path).WaitForAsync();
            await Eventually(async () => await page.Locator("#now").InnerTextAsync() is not "–", "The present rate does not appear.", cancel);
            await ShootAsync(page, name);
            Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth"), $"{name}: the page is wider than the window.");
            Assert.Equal(0, await page.Locator("#content img").CountAsync());
            await page.GetByText("Tenant", new() { Exact = true }).First.ClickAsync();
            await page.GetByText("Cost", new() { Exact = true }).Nth(1).ClickAsync();
            if (busy is not null) await page.Locator("figcaption").GetByText("EUR").WaitForAsync();
            await ShootAsync(page, name + "-cost");
        }

        Assert.Empty(browser.Complaints);
    }

    private static async Task SignInAsync(IPage page, string key)
    {
        await page.GotoAsync("/sign-in");
        await page.GetByLabel("API key").FillAsync(key);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
    }

    // What is in cgroups of these tests belongs to acme and has a price.
    private static async Task PriceAsync(RunningMetering metering, CancellationToken cancel)
    {
        await metering.PutAsync("/v1/price-books/standard/versions/1", new { currency = "EUR", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", model = "per-unit", price = 36.5m } } }, cancel);
        await metering.PutAsync("/v1/tenants/acme", new { name = "Acme", currency = "EUR", priceBook = "standard" }, cancel);
        await metering.PutAsync("/v1/ownership-rules", new { rules = new[] { new { match = new { path = "/ui-*" + BusyCgroup.Suffix }, tenant = "acme" } } }, cancel);
    }

    private static async Task<string> CpuAsync(IPage page) =>
        (await page.Locator("#workloads tr", new() { Has = page.Locator(".kind").GetByText("system", new() { Exact = true }) }).First.Locator(".cpu").GetAttributeAsync("title"))!;

    private static decimal Parse(string title) => decimal.Parse(title.Split(' ')[0], CultureInfo.InvariantCulture);

    private static string SystemName(Dictionary<(string Kind, string Name), decimal> rows) => rows.Where(row => row.Key.Kind == "system").MaxBy(row => row.Value).Key.Name;

    private static async Task ShootAsync(IPage page, string name) =>
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, name + ".png"), FullPage = true });

    private static async Task Eventually(Func<Task<bool>> condition, string complaint, CancellationToken cancel)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30), complaint);
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancel);
        }
    }
}
