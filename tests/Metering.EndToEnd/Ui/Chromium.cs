using Metering.EndToEnd.Servers;
using Microsoft.Playwright;

namespace Metering.EndToEnd.Ui;

/// <summary>Debian's Chromium, driven by Playwright. Every page tells what went wrong in it and what it asked of other hosts.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private const string Program = "/usr/bin/chromium";

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly string _origin;

    private Chromium(IPlaywright playwright, IBrowser browser, string origin)
    {
        _playwright = playwright;
        _browser = browser;
        _origin = origin;
    }

    /// <summary>Errors in pages and requests to other origins; empty when all is well.</summary>
    public List<string> Complaints { get; } = [];

    public static async Task<Chromium> StartAsync(string origin)
    {
        ServerPackages.Require(Program, "chromium");
        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Program,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        });
        return new Chromium(playwright, browser, origin);
    }

    /// <summary>A page with cookies of its own.</summary>
    public async Task<IPage> NewPageAsync(ColorScheme scheme = ColorScheme.Light, int width = 1360, int height = 900, bool script = true)
    {
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = _origin,
            ColorScheme = scheme,
            ViewportSize = new ViewportSize { Width = width, Height = height },
            JavaScriptEnabled = script,
        });
        var page = await context.NewPageAsync();
        page.SetDefaultTimeout(20_000);
        page.PageError += (_, error) => Complain("page error: " + error);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning" && !message.Text.Contains("401", StringComparison.Ordinal)) Complain($"console: {message.Text} ({message.Location})");
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(_origin, StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal)) Complain("foreign request: " + request.Url);
        };
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }

    private void Complain(string text)
    {
        lock (Complaints) Complaints.Add(text);
    }
}
