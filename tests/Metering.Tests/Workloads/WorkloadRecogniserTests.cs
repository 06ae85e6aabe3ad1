using Metering.Agent.Workloads;
using Metering.Safety;
using Xunit;

namespace Metering.Tests.Workloads;

public sealed class WorkloadRecogniserTests
{
    private const string Container = "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211";

    private static readonly WorkloadRecogniser Recogniser = new();

    [Fact]
    public void Every_path_of_the_table_is_recognised()
    {
        var wrong = PathTable.Read()
            .Select(row => (row.Line, row.Path, row.Expected, Actual: PathTable.Write(Recogniser.Recognise(row.Path))))
            .Where(row => row.Expected != row.Actual)
            .Select(row => $"paths.txt:{row.Line}: {row.Path}\n  expected {row.Expected}\n  actual   {row.Actual}")
            .ToArray();

        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Every_rule_is_needed_by_a_path_of_the_table()
    {
        var rows = PathTable.Read();
        var idle = new List<string>();
        foreach (var rule in BuiltInRules.All)
        {
            var without = WorkloadRecogniser.Only([.. BuiltInRules.All.Where(one => one != rule)]);
            if (rows.All(row => PathTable.Write(without.Recognise(row.Path)) == row.Expected)) idle.Add(rule.Name);
        }

        Assert.True(idle.Count == 0, $"Add a path to paths.txt, or remove: {string.Join(", ", idle)}");
    }

    [Fact]
    public void Linear_engine_gives_the_same_answers()
    {
        // Proves as well that no built-in rule uses what an operator's rule may not.
        var linear = WorkloadRecogniser.Only(BuiltInRules.All, linear: true);

        Assert.All(PathTable.Read(), row => Assert.Equal(row.Expected, PathTable.Write(linear.Recognise(row.Path))));
    }

    [Fact]
    public void Every_kind_of_a_rule_is_a_known_kind()
    {
        var known = typeof(WorkloadKinds).GetFields().Select(field => (string)field.GetRawConstantValue()!).ToArray();

        Assert.Equal(known.Length, known.Distinct().Count());
        Assert.All(BuiltInRules.All, rule => Assert.Contains(rule.Kind, known));
        Assert.Empty(known.Except(PathTable.Read().Select(row => row.Expected.Split(' ')[0])));
    }

    [Fact]
    public void Different_cgroups_of_the_table_share_an_id_only_as_one_workload()
    {
        // A workload and what serves it must not share an id, or conmon would be billed to the container.
        var mixed = PathTable.Read()
            .Select(row => Recogniser.Recognise(row.Path))
            .GroupBy(workload => (workload.Kind, workload.Id))
            .Where(group => group.Select(workload => workload.Overhead).Distinct().Count() > 1);

        Assert.Empty(mixed);
    }

    [Fact]
    public void What_is_billed_as_a_whole_stays_whole_in_every_descendant()
    {
        // The walk stops there, so no descendant may be something that had to be walked.
        var broken = PathTable.Read()
            .Where(row => Recogniser.Recognise(row.Path).Whole && !Recogniser.Recognise(row.Path + "/some/child").Whole)
            .Select(row => row.Path);

        Assert.Empty(broken);
    }

    [Theory]
    [InlineData("/system.slice/nginx.service", true)]
    [InlineData("/system.slice/run-u1.scope", true)]
    [InlineData("/lxc.payload.a", true)]
    [InlineData("/system.slice/slurmstepd.scope/job_1", true)]
    [InlineData("/", false)]
    [InlineData("/system.slice", false)]
    [InlineData("/kubepods", false)]
    [InlineData("/kubepods.slice/kubepods-besteffort.slice", false)]
    [InlineData("/some/directory", false)]
    [InlineData("/user.slice/user-1000.slice/user@1000.service/app.slice", false)]
    [InlineData("/system.slice/slurmstepd.scope", false)]
    [InlineData("/system.slice/node1_slurmstepd.scope", false)]
    [InlineData("/system.slice/snap.docker.dockerd.service", false)]
    [InlineData("/system.slice/k3s.service", false)]
    public void Whole_and_interior(string path, bool whole) => Assert.Equal(whole, Recogniser.Recognise(path).Whole);

    [Theory]
    [InlineData("/docker/" + Container + "0")]
    [InlineData("/docker/4A1E0B6F0D1C2B3A49586776859403122130EEDDCCBBAA998877665544332211")]
    [InlineData("/docker/4a1e0b6f0d1c")]
    [InlineData("/xdocker-" + Container + ".scope.bak")]
    [InlineData("/mesos/not-a-uuid")]
    [InlineData("/kubepods/pod")]
    [InlineData("/machine.slice/12a")]
    [InlineData("/machine.slice/\u0661\u0662")]
    [InlineData("/.service")]
    public void Near_misses_stay_raw(string path)
    {
        var workload = Recogniser.Recognise(path);

        Assert.Equal((WorkloadKinds.Raw, path, path), (workload.Kind, workload.Id, workload.Name));
    }

    [Theory]
    [InlineData("", "/")]
    [InlineData("//", "/")]
    [InlineData("system.slice/a.service", "/system.slice/a.service")]
    [InlineData("/system.slice//a.service/", "/system.slice/a.service")]
    public void Slashes_do_not_matter(string given, string path)
    {
        Assert.Equal(path, Recogniser.Recognise(given).Path);
        Assert.Equal(PathTable.Write(Recogniser.Recognise(path)), PathTable.Write(Recogniser.Recognise(given)));
    }

    [Theory]
    [InlineData(@"/system.slice/bad\x2.service", @"bad\x2.service")]
    [InlineData(@"/system.slice/bad\xzz.service", @"bad\xzz.service")]
    [InlineData(@"/system.slice/bad\", @"/system.slice/bad\")]
    [InlineData(@"/system.slice/a\xff\xfeb.service", @"a\xff\xfeb.service")]
    [InlineData(@"/system.slice/caf\xc3\xa9.service", "café.service")]
    [InlineData(@"/system.slice/a\x0ab.service", @"a\x0ab.service")]
    [InlineData(@"/system.slice/a\x1b[31m.service", @"a\x1b[31m.service")]
    [InlineData("/system.slice/a\nb.service", @"a\x0ab.service")]
    [InlineData("/system.slice/a\u202Eb.service", @"a\xe2\x80\xaeb.service")]
    [InlineData("/system.slice/a\"b\\c.service", "a\"b\\c.service")]
    [InlineData(@"/system.slice/a\x2fb.service", "a/b.service")]
    [InlineData("/../..", "/../..")]
    public void Names_can_be_printed_whatever_they_hold(string path, string name) => Assert.Equal(name, Recogniser.Recognise(path).Name);

    [Fact]
    public void Rules_of_the_operator_come_first()
    {
        var rule = new WorkloadRule
        {
            Name = "gitlab-runner",
            Kind = "gitlab",
            Match = @"runner-slot-(?<slot>\d+)\.slice",
            Id = "slot/{slot}",
            DisplayName = "runner {slot}",
            Labels = new Dictionary<string, string> { ["team"] = "ci" },
        };

        var workload = new WorkloadRecogniser([rule], []).Recognise("/ci.slice/runner-slot-4.slice/x.service");

        Assert.Equal("gitlab slot/4 runner 4 slot=4 team=ci whole", PathTable.Write(workload));
    }

    [Fact]
    public void Units_of_the_operator_are_walked()
    {
        var recogniser = new WorkloadRecogniser([], ["batch@*.service"]);

        Assert.False(recogniser.Recognise("/system.slice/batch@7.service").Whole);
        Assert.True(recogniser.Recognise("/system.slice/batch.service").Whole);
    }

    [Fact]
    public void Rule_that_matches_nearly_nothing_still_ends()
    {
        var empty = new WorkloadRule { Name = "empty", Kind = "x", Match = "" };
        var one = new WorkloadRule { Name = "one", Kind = "y", Match = "a" };

        Assert.Equal("y", new WorkloadRecogniser([empty, one], []).Recognise("/a/a/a").Kind);
    }

    [Theory]
    [InlineData("docker", "x", "", "Two workload rules are named 'docker'")]
    [InlineData("mine", "(", "", "'mine': its match is no regular expression")]
    [InlineData("mine", "(?=x)x", "", "'mine': its match uses look-around")]
    [InlineData("mine", "(?<id>x)", "{job}", "'mine': '{job}'")]
    public void Wrong_rule_is_refused_by_name(string name, string match, string id, string message)
    {
        var rule = new WorkloadRule { Name = name, Kind = "x", Match = match, Id = id.Length == 0 ? null : id };

        var error = Assert.Throws<UserErrorException>(() => new WorkloadRecogniser([rule], []));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(2, error.ExitCode);
    }
}
