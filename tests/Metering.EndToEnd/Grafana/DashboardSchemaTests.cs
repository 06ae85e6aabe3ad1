using System.Text;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Grafana;

/// <summary>Grafana's own schema (<c>@grafana/schema</c>) is the judge of the dashboards.</summary>
public sealed class DashboardSchemaTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(3);

    private static readonly Dictionary<string, string> Panels = new(StringComparer.Ordinal) { ["timeseries"] = "TimeSeries", ["stat"] = "Stat", ["bargauge"] = "BarGauge", ["table"] = "Table" };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_dashboard_is_what_the_schema_says_and_a_wrong_one_is_found()
    {
        var directory = await InstallAsync();
        var (code, said) = await CompileAsync(directory, "check.ts", Program(text => text));
        Assert.True(code == 0, said);

        // The judge is awake: a member that is none, a value that is none, and an option of another panel.
        foreach (var (from, to) in new[] { ("\"graphTooltip\"", "\"graphTooltips\""), ("\"mode\":\"thresholds\"", "\"mode\":\"rainbow\""), ("\"textMode\":\"auto\"", "\"textMode\":\"loud\""), ("\"drawStyle\":\"line\"", "\"drawStyle\":\"wave\"") })
        {
            (code, said) = await CompileAsync(directory, "wrong.ts", Program(text => text.Replace(from, to)));
            Assert.True(code != 0 && said.Contains("error TS", StringComparison.Ordinal), $"{to} was not found: {said}");
        }
    }

    private static string Program(Func<string, string> change)
    {
        var program = new StringBuilder("import type { Board, TimeSeries, Stat, BarGauge, Table } from './schema';\n");
        foreach (var (dashboard, i) in Dashboard.All().Select((dashboard, i) => (dashboard, i)))
        {
            program.Append("export const board" + i + ": Board = " + change(JsonSerializer.Serialize(dashboard.Json)) + ";\n");
            foreach (var panel in dashboard.Panels)
            {
                var body = new Dictionary<string, object> { ["options"] = panel.GetProperty("options") };
                if (panel.GetProperty("fieldConfig").GetProperty("defaults").TryGetProperty("custom", out var custom)) body["custom"] = custom;
                program.Append($"export const panel{i}_{panel.GetProperty("id")}: {Panels[panel.GetProperty("type").GetString()!]} = {change(JsonSerializer.Serialize(body))};\n");
            }
        }

        return program.ToString();
    }

    private static async Task<(int Code, string Said)> CompileAsync(string directory, string file, string program)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, file), program, Cancel);
        await using var compiler = ChildProcess.Start("/usr/bin/node",
            ["node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", file], workingDirectory: directory);
        return (await compiler.WaitForExitAsync(Timeout, Cancel), compiler.Output);
    }

    // Once for a checkout: beside the other things that are built.
    private static async Task<string> InstallAsync()
    {
        ServerPackages.Require("/usr/bin/npm", "npm");
        var source = Path.Combine(RepositoryFiles.Root, "tests", "Metering.EndToEnd", "Grafana");
        var directory = Directory.CreateDirectory(Path.Combine(RepositoryFiles.Root, "artifacts", "npm")).FullName;
        foreach (var file in new[] { "package.json", "schema.ts" }) File.Copy(Path.Combine(source, file), Path.Combine(directory, file), overwrite: true);
        await using var npm = ChildProcess.Start("/usr/bin/npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"], workingDirectory: directory);
        var code = await npm.WaitForExitAsync(Timeout, Cancel);
        Assert.True(code == 0, npm.Output);
        return directory;
    }
}
