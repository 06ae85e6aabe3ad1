using System.Collections.Frozen;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Tests.Simulation;
using Xunit;

namespace Metering.Tests.Cgroups;

/// <summary>The join of v1 groups to v2 cgroups by process, on a made tree of files.</summary>
public sealed class V1GroupsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("metering-v1-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Memory_of_a_group_goes_to_the_workload_that_its_processes_are_in_and_shared_groups_to_nobody()
    {
        var tree = new FakeTree(new Random(1)) { Lively = false };
        while (tree.Root.Children.Count < 2) tree.Bear(tree.Root);
        var (a, b) = (tree.Root.Children[0].Path, tree.Root.Children[1].Path);
        Process(1, a, memory: "/alpha");
        Process(2, a, memory: "/alpha/inner");
        Process(3, b, memory: "/alpha/other");
        Process(4, a, memory: "/shared");
        Process(5, b, memory: "/shared");
        Level("/alpha", 1000);
        Level("/alpha/inner", 300);
        Level("/alpha/other", 200);
        Level("/shared", 5000);
        var mounts = new CgroupMounts("/none", new Dictionary<string, string> { ["memory"] = Path.Combine(_root, "memory") }.ToFrozenDictionary());
        var source = new V1Source(new V1Groups(mounts, Path.Combine(_root, "proc")));
        var meterer = new Meterer(tree, path => new Workload { Kind = "raw", Id = path, Name = path, Path = path }, new PassOptions(Io: false, Pids: false), source);

        meterer.Run(10_000_000);
        meterer.Run(20_000_000);

        Assert.Equal(8_000UL, meterer.Nodes.Single(node => node.Path == a).Memory!.Account.Own);
        Assert.Equal(2_000UL, meterer.Nodes.Single(node => node.Path == b).Memory!.Account.Own);
        Assert.Equal(Metering.Messages.Availability.BestEffort, meterer.Nodes.Single(node => node.Path == a).Memory!.Availability);
    }

    [Fact]
    public void A_line_of_proc_cgroup_may_hold_colons()
    {
        var (unified, v1) = V1Groups.Parse(["4:memory:/a:b/c", "3:cpu,cpuacct:/x", "0::/kube:pod:1"])!.Value;

        Assert.Equal("/kube:pod:1", unified);
        Assert.Equal("/a:b/c", v1["memory"]);
        Assert.Equal("/x", v1["cpuacct"]);
    }

    private void Process(int id, string unified, string memory)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_root, "proc", id.ToString(System.Globalization.CultureInfo.InvariantCulture))).FullName;
        File.WriteAllText(Path.Combine(directory, "cgroup"), $"4:memory:{memory}\n0::{unified}\n");
    }

    private void Level(string group, long bytes)
    {
        var directory = Directory.CreateDirectory(_root + "/memory" + group).FullName;
        File.WriteAllText(Path.Combine(directory, "memory.usage_in_bytes"), bytes + "\n");
    }
}
