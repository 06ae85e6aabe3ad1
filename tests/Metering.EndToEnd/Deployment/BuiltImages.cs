using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;

namespace Metering.EndToEnd.Deployment;

/// <summary>What the first stage of <c>deploy/Dockerfile</c> makes, by its own commands; once for a run of the tests.</summary>
internal static partial class BuiltImages
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly SemaphoreSlim Turn = new(1, 1);
    private static string? _built;

    private static string Configuration => AppContext.BaseDirectory.TrimEnd('/').EndsWith("release", StringComparison.Ordinal) ? "Release" : "Debug";

    /// <summary>A directory with <c>app</c>, <c>agent</c> and <c>state</c>.</summary>
    public static async Task<string> GetAsync(CancellationToken cancel)
    {
        ServerPackages.RequireRoot("the build gets a root of its own");
        await Turn.WaitAsync(cancel);
        try
        {
            if (_built is not null) return _built;
            var directory = Path.Combine(RepositoryFiles.Root, "artifacts", "images", Configuration);
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            await ChildProcess.RunAsync(Path.Combine(RepositoryFiles.Root, "tests/Metering.EndToEnd/Deployment/build-image"), [Configuration, directory], Limit, cancel);
            return _built = directory;
        }
        finally
        {
            Turn.Release();
        }
    }

    /// <summary>The command of a stage's HEALTHCHECK.</summary>
    public static string HealthCheck(string stage)
    {
        var text = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "deploy/Dockerfile")).Split("\nFROM ").Single(part => part.Contains($" AS {stage}\n", StringComparison.Ordinal));
        return string.Join(' ', JsonSerializer.Deserialize<string[]>(Check().Match(text).Groups[1].Value)!);
    }

    [GeneratedRegex("\nHEALTHCHECK .* CMD (\\[.*\\])\n")]
    private static partial Regex Check();
}
