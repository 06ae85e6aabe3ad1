using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>The theme is chosen in the menu, holds at once, and is part of every page that is sent from then on; with and without a script.</summary>
internal static class ThemeSteps
{
    public static async Task ChooseAsync(IPage page, IPage withoutScript)
    {
        await EveryPageTests.OpenAsync(page, "/tenants");
        var light = await GroundAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Dark" }).ClickAsync();
        await page.WaitForFunctionAsync("() => document.documentElement.dataset.theme === 'dark'");
        Assert.NotEqual(light, await GroundAsync(page));
        Assert.Equal("true", await page.GetByRole(AriaRole.Button, new() { Name = "Dark" }).GetAttributeAsync("aria-pressed"));
        Assert.EndsWith("/tenants", page.Url);

        // As it is sent: no script has a part in it.
        var sent = await (await page.GotoAsync("/quotas"))!.TextAsync();
        Assert.Contains("data-theme=\"dark\"", sent);
        Assert.Contains("media=\"not all\" data-theme-of=\"light\"", sent);
        await page.GetByRole(AriaRole.Button, new() { Name = "System" }).ClickAsync();
        Assert.DoesNotContain("data-theme=\"", await (await page.GotoAsync("/quotas"))!.TextAsync());

        await EveryPageTests.SignInAsync(withoutScript, SeededFleet.AdminKey);
        await withoutScript.GotoAsync("/invoices?state=voided");
        await withoutScript.GetByRole(AriaRole.Button, new() { Name = "Dark" }).ClickAsync();
        await withoutScript.WaitForURLAsync("**/invoices?state=voided");
        Assert.Equal("dark", await withoutScript.Locator("html").GetAttributeAsync("data-theme"));
    }

    private static Task<string> GroundAsync(IPage page) => page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor");
}
