using Metering.EndToEnd.Servers;
using Metering.Safety;

namespace Metering.Benchmarks.Running;

/// <summary>The <c>metering-agent</c> that is measured: as it is shipped, so published from the sources, unless <c>--agent</c> names one.</summary>
internal static class AgentProgram
{
    public const string Usage = "--agent=FILE measures another metering-agent than the one published from these sources";

    /// <summary>The executable, published into <paramref name="directory"/>.</summary>
    public static async Task<string> GetAsync(RunOptions options, string directory, CancellationToken cancel)
    {
        if (options.Value("agent") is { } given)
            return File.Exists(given) ? Path.GetFullPath(given) : throw UserErrorException.Usage($"There is no file '{given}'; give --agent the executable metering-agent.");

        var root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Metering.sln"))) root = Path.GetDirectoryName(root);
        if (root is null) throw UserErrorException.Usage("The sources are not above this program; give --agent the executable metering-agent.");
        options.Progress("publishing metering-agent");
        var into = Path.Combine(directory, "program");
        string[] publish = ["publish", Path.Combine(root, "src/Metering.Agent"), "-c", "Release", "--use-current-runtime", "--self-contained", "false", "-o", into, "-v", "quiet", "-nodeReuse:false"];
        await ChildProcess.RunAsync("dotnet", publish, TimeSpan.FromMinutes(5), cancel);
        return Path.Combine(into, "metering-agent");
    }
}
