using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>A month is closed from its page: what is in the way, what it would issue, a waiver, a dialogue that keys alone can leave, and the invoices.</summary>
internal static class MonthSteps
{
    public static async Task CloseAsync(IPage page, SeededFleet fleet, string screenshots)
    {
        await EveryPageTests.OpenAsync(page, "/invoices");
        await page.Locator("#months tr", new() { HasText = fleet.Closed }).GetByText("1 of 4 hosts not complete").WaitForAsync();
        await page.Locator("#months").GetByRole(AriaRole.Link, new() { Name = fleet.Closed }).ClickAsync();
        await page.Locator("#obstacles").GetByText("Host 'attic-01' is metered up to").WaitForAsync();
        await Assertions.Expect(page.Locator("#close")).ToBeDisabledAsync();

        // What it would issue, before it does; nothing is stored.
        await page.Locator("#work-out").ClickAsync();
        await page.Locator("#sum", new() { HasText = "documents" }).WaitForAsync();
        var figures = await page.Locator("#sum").InnerTextAsync();
        Assert.Contains("if it were closed now", figures);

        await page.GetByLabel("Waive attic-01").CheckAsync();
        await Assertions.Expect(page.Locator("#close")).ToBeEnabledAsync();
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(screenshots, "month-open.png"), FullPage = true });

        // The dialogue keeps the keys within it, Escape leaves it, and the focus is where it was.
        await page.Locator("#close").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("#confirm")).ToBeVisibleAsync();
        for (var i = 0; i < 4; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            Assert.True(await page.EvaluateAsync<bool>("document.activeElement === document.body || !!document.activeElement.closest('#confirm')"), "The focus leaves the dialogue.");
        }

        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(screenshots, "month-dialogue.png") });
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(page.Locator("#confirm")).ToBeHiddenAsync();
        Assert.Equal("close", await page.EvaluateAsync<string>("document.activeElement.id"));

        await page.Keyboard.PressAsync("Enter");
        Assert.Contains("attic-01", await page.Locator("#confirm").InnerTextAsync());
        await page.Locator("#really").ClickAsync();
        await Assertions.Expect(page.Locator("#month-state")).ToHaveTextAsync("closed", new() { Timeout = 60_000 });
        await page.GetByRole(AriaRole.Button, new() { Name = "Show the documents" }).ClickAsync();
        await page.Locator("#invoices").GetByText("000001").WaitForAsync();
        Assert.Equal(figures.Replace(", if it were closed now", "", StringComparison.Ordinal), await page.Locator("#sum").InnerTextAsync());
    }
}
