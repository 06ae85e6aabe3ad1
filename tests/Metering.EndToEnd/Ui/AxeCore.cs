using System.Text.Json;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>axe-core from npm, the judge of accessibility: WCAG 2 A and AA and its own best practices.</summary>
internal static class AxeCore
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(3);

    /// <summary>The script as published. Restored once for a checkout, beside the other things that are built.</summary>
    public static async Task<string> ScriptAsync(CancellationToken cancel)
    {
        ServerPackages.Require("/usr/bin/npm", "npm");
        var directory = Directory.CreateDirectory(Path.Combine(RepositoryFiles.Root, "artifacts", "npm-axe")).FullName;
        File.Copy(Path.Combine(RepositoryFiles.Root, "tests", "Metering.EndToEnd", "Ui", "package.json"), Path.Combine(directory, "package.json"), overwrite: true);
        await using var npm = ChildProcess.Start("/usr/bin/npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"], workingDirectory: directory);
        var code = await npm.WaitForExitAsync(Timeout, cancel);
        Assert.True(code == 0, npm.Output);
        return await File.ReadAllTextAsync(Path.Combine(directory, "node_modules", "axe-core", "axe.min.js"), cancel);
    }

    /// <summary>What is serious or critical on the page as it is now: rule, help and the element.</summary>
    public static async Task<List<string>> FaultsAsync(IPage page, string script)
    {
        if (!await page.EvaluateAsync<bool>("typeof axe !== 'undefined'")) await page.EvaluateAsync(script + ";undefined");
        var answer = await page.EvaluateAsync<JsonElement>("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map(v => ({ impact: v.impact, id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + n.failureSummary.slice(0, 300)) }))");
        return [.. answer.EnumerateArray().Where(one => one.GetProperty("impact").GetString() is "serious" or "critical").Select(one => $"{one.GetProperty("impact")} {one.GetProperty("id")}: {one.GetProperty("help")}\n    {string.Join("\n    ", one.GetProperty("nodes").EnumerateArray())}")];
    }
}
