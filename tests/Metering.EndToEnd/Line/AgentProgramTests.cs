using Metering.EndToEnd.Guest;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary><c>metering-agent</c>, the program that hosts run: wherever it lies, it starts.</summary>
public sealed class AgentProgramTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task It_starts_with_nothing_of_the_service_beside_it()
    {
        await using var agent = ChildProcess.Start(AgentProcess.Program, ["--data", "/dev/null/none"], new Dictionary<string, string?> { ["METERING__Agent__ServiceUrl"] = "http://127.0.0.1:9", ["METERING__Agent__Key"] = "key" });

        // It has read its configuration and journal code by then; libraries that are missing would end it otherwise.
        Assert.Equal(1, await agent.WaitForExitAsync(Limit, TestContext.Current.CancellationToken));
        Assert.StartsWith("metering-agent: ", agent.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", agent.Output, StringComparison.Ordinal);
    }

    /// <summary>In a network namespace, where the port that it takes unless told otherwise is free for certain.</summary>
    [Fact]
    public async Task It_shows_its_metrics_on_this_host_only_and_where_another_is_first_it_says_so_and_meters()
    {
        ServerPackages.Require("/usr/bin/curl", "curl");
        ServerPackages.RequireRoot("it gets a network namespace");
        using var directory = new TestDirectory();
        const string Script = """
            ip link set lo up
            export METERING__Agent__ServiceUrl=http://127.0.0.1:9 METERING__Agent__Key=key
            "$1" --data "$2/a" >"$2/first" 2>&1 & one=$!
            for i in $(seq 600); do curl -sf http://127.0.0.1:9469/metrics >"$2/metrics" && break; sleep 0.1; done
            "$1" health && grep -c '^metering_agent_passes_total' "$2/metrics" && grep -o ' [0-9A-F]*:24FD 00000000:0000 0A' /proc/net/tcp
            "$1" --data "$2/b" >"$2/second" 2>&1 & two=$!
            for i in $(seq 600); do grep -q 'Metering host' "$2/second" && break; sleep 0.1; done
            kill $one $two; wait $one $two
            cat "$2/second"
            """;

        var said = await ChildProcess.RunAsync("unshare", ["-n", "sh", "-c", Script, "sh", AgentProcess.Program, directory.Path], TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);

        Assert.Contains("\n1\n 0100007F:24FD", "\n" + said, StringComparison.Ordinal);
        Assert.Contains("Another program listens on 127.0.0.1:9469", said, StringComparison.Ordinal);
        Assert.Contains("Metering host", said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("metering-agent")]
    [InlineData("metering-agent.runtimeconfig.json")]
    [InlineData("metering-agent.deps.json")]
    public void It_does_not_lie_beside_programs_that_have_its_libraries_from_elsewhere(string file)
    {
        Assert.False(File.Exists(Path.Combine(AppContext.BaseDirectory, file)));
        Assert.False(File.Exists(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(AgentProcess.Program)!, "../../Metering.Cli", Path.GetFileName(Path.GetDirectoryName(AgentProcess.Program)!), file))));
        Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(AgentProcess.Program)!, file)));
    }

    [Theory]
    [InlineData("deploy/systemd/metering-agent.service", "ExecStart=/opt/metering-agent/metering-agent --data ")]
    [InlineData("deploy/Dockerfile", "ENTRYPOINT [\"dotnet\", \"/opt/metering-agent/metering-agent.dll\"]")]
    public void It_is_what_is_deployed(string file, string line) => Assert.Contains(line, File.ReadAllText(Path.Combine(RepositoryFiles.Root, file)), StringComparison.Ordinal);
}
