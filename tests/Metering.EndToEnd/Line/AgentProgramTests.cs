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
