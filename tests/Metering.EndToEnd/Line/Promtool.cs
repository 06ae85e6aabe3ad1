using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Prometheus' own judge of a scrape.</summary>
internal static class Promtool
{
    private const string File = "/usr/bin/promtool";

    public static async Task AcceptsAsync(string text, CancellationToken cancel)
    {
        ServerPackages.Require(File, "prometheus");
        var output = await ChildProcess.RunAsync(File, ["check", "metrics"], TimeSpan.FromSeconds(60), cancel, text);
        Assert.Equal("", output);
    }
}
