using Metering.Agent.Cgroups;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>Cgroups that are nested deeper than a path can be long: whoever may make cgroups can make them, by relative names.</summary>
public sealed class DeepTreeTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // Twenty levels of names of 240 bytes are 4,820; PATH_MAX is 4,096. $1 where, $2 the name.
    private const string Make = """
        cd "$1"; i=0; while [ $i -lt 20 ]; do mkdir $2 && cd $2 || exit 1; i=$((i+1)); done
        sh -c 'echo 0 > cgroup.procs; j=0; while [ $j -lt 5000 ]; do j=$((j+1)); done'
        """;

    private const string Remove = """
        cd "$1"; i=0; while cd $2 2>/dev/null; do i=$((i+1)); done
        while [ $i -gt 0 ]; do cd .. && rmdir $2; i=$((i-1)); done
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_can_not_be_reached_is_billed_to_the_deepest_that_can()
    {
        await using var top = TestCgroup.Create();
        var parent = top.Child("p");
        using var passes = new KernelPasses(top);
        passes.Pass();
        passes.Pass();
        var (directory, name) = (CgroupMounts.Read().Unified + parent.Path, new string('d', 240));
        try
        {
            for (var round = 0; round < 3; round++)
            {
                await ChildProcess.RunAsync("bash", ["-c", round == 0 ? Make : Make.Replace("mkdir $2 &&", "", StringComparison.Ordinal), "bash", directory, name], Limit, Cancel);
                passes.Follow();
                passes.Pass();
                Assert.InRange(passes.Billed(parent), parent.UsageMicroseconds - 40, parent.UsageMicroseconds);
            }

            output.WriteLine($"{passes.Meterer.Nodes.Count} known, {passes.Counters.NeverOpened} never opened, {passes.Counters.ReadErrors} errors");
            Assert.InRange(passes.Meterer.Nodes.Count, 12, 20);
            Assert.True(passes.Counters.ReadErrors > 0, "nothing tells of it");
            Assert.Equal(0, passes.Counters.NeverOpened);
        }
        finally
        {
            await ChildProcess.RunAsync("bash", ["-c", Remove, "bash", directory, name], Limit, CancellationToken.None);
        }

        passes.Pass();
        passes.Pass();
        Assert.Equal(parent.UsageMicroseconds, passes.Billed(parent));
        Assert.Equal(2, passes.Meterer.Nodes.Count);
        Assert.Equal(0, passes.Counters.SandwichFailures);
    }

    [Fact]
    public async Task A_name_with_a_line_feed_the_kernel_itself_refuses()
    {
        await using var top = TestCgroup.Create();

        Assert.Throws<IOException>(() => RawFiles.MakeDirectory(System.Text.Encoding.UTF8.GetBytes($"{CgroupMounts.Read().Unified}{top.Path}/line\nfeed")));
    }
}
