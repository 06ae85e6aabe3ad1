using Metering.Agent.Workloads;
using Metering.Safety;
using Xunit;

namespace Metering.Tests.Workloads;

public sealed class RulesFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Rules_stand_before_the_built_in_ones_and_units_are_walked()
    {
        var recogniser = RulesFile.Parse("""
            rules:
              - name: gitlab-runner
                kind: gitlab
                match: 'runner-slot-(?<slot>\d+)\.slice'
                id: 'slot/{slot}'
                displayName: 'runner {slot}'
                labels: {team: ci}
              - name: our-docker
                kind: docker
                match: 'docker/(?<id>[0-9a-f]{64})'
                whole: false
            walkedUnits: ['batch@*.service']
            """, "rules.yaml");

        Assert.Equal("gitlab slot/4 runner 4 slot=4 team=ci whole", PathTable.Write(recogniser.Recognise("/ci.slice/runner-slot-4.slice/x.service")));
        Assert.False(recogniser.Recognise("/docker/" + new string('a', 64)).Whole);
        Assert.False(recogniser.Recognise("/system.slice/batch@7.service").Whole);
        Assert.Equal("podman", recogniser.Recognise("/machine.slice/libpod-" + new string('a', 64) + ".scope").Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    [InlineData("rules:\nwalkedUnits:\n")]
    [InlineData("rules: []\n")]
    public void Empty_file_is_the_built_in_rules(string text) => Assert.Equal(BuiltInRules.All.Count, RulesFile.Parse(text, "r.yaml").Rules.Count);

    [Theory]
    [InlineData("rules:\n- {name: a, kind: x, match: '('}", "r.yaml:2: Workload rule 'a': its match is no regular expression")]
    [InlineData("rules:\n- {name: a, kind: x, match: '(?=b)b'}", "r.yaml:2: Workload rule 'a': its match uses look-around")]
    [InlineData("rules:\n- {name: a, kind: x, match: '(?<id>b)', id: '{job}'}", "r.yaml:2: Workload rule 'a': '{job}'")]
    [InlineData("rules:\n- {name: a, kind: x, match: b, mach: c}", "r.yaml:2: rule 'a': the field 'mach' is unknown; there may be name, kind, match")]
    [InlineData("rules:\n- {name: a, kind: x, match: b}\n- {name: a, kind: x, match: c}", "r.yaml:3: rule 'a': line 2 has a rule of this name; rename one")]
    [InlineData("rules:\n- {name: docker, kind: x, match: b}", "r.yaml:2: rule 'docker': a built-in rule has this name")]
    [InlineData("rules:\n- {name: a, kind: x, match: b, layer: pod}", "r.yaml:2: rule 'a': the layer 'pod' is unknown; it is container or unit")]
    [InlineData("rules:\n- {name: a, kind: x, match: b, whole: yes}", "r.yaml:2: rule 'a': 'whole' is 'yes'; it is true or false")]
    [InlineData("rules:\n- {name: a, kind: X Y, match: b}", "r.yaml:2: rule 'a': kind 'X Y' is")]
    [InlineData("rules:\n- {kind: x}", "r.yaml:2: rule 'without a name': 'match' is missing")]
    [InlineData("rules:\n- {name: a, name: b, kind: x, match: c}", "'name' is there twice")]
    [InlineData("rules:\n- a", "r.yaml:2: a rule is a list of fields")]
    [InlineData("rules: text", "r.yaml:1: 'rules' is no list")]
    [InlineData("rule: []", "'rule' is unknown; at the top there may be rules, walkedUnits")]
    [InlineData("- a", "r.yaml:1: the file has no 'rules:' at its top")]
    [InlineData("rules: [", ": this is no YAML")]
    [InlineData("rules:\n- &a\n  name: a\n  kind: x\n  match: b\n  labels: *a", "'labels' is no list of NAME: VALUE")]
    [InlineData("rules: &r\n- *r", "r.yaml:2: a rule is a list of fields")]
    [InlineData("walkedUnits: &u [*u]", "is an alias (*…); write it out")]
    [InlineData("rules: []\n---\nrules: []", "second YAML document")]
    public void Every_fault_names_file_line_rule_and_remedy(string text, string message)
    {
        var error = Assert.Throws<UserErrorException>(() => RulesFile.Parse(text, "r.yaml"));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(2, error.ExitCode);
    }

    [Fact]
    public void All_faults_come_at_once()
    {
        var error = Assert.Throws<UserErrorException>(() => RulesFile.Parse("rules:\n- {name: a, kind: x, match: b, foo: c}\n- {name: b, kind: x, match: '('}", "r.yaml"));

        Assert.Equal(2, error.Message.Split('\n').Count(line => line.StartsWith("r.yaml:", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("binary", "no text in UTF-8")]
    [InlineData("huge", "longer than 1 MiB")]
    [InlineData("deep", "r.yaml")]
    [InlineData("bombs", "is an alias")]
    [InlineData("many", "more than 200 rules")]
    [InlineData("missing", "can not be read")]
    public void Hostile_file_gives_a_clear_error(string which, string message)
    {
        var bytes = which switch
        {
            "binary" => [0xFF, 0xFE, 0, 1, 2],
            "huge" => new byte[(1 << 20) + 2],
            "deep" => System.Text.Encoding.UTF8.GetBytes("rules:\n- " + new string('[', 100_000)),
            "bombs" => "a: &a [x,x]\nrules: []"u8.ToArray(),
            _ => System.Text.Encoding.UTF8.GetBytes("rules:\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"- {{name: r{i}, kind: x, match: a{i}}}\n"))),
        };
        if (which == "bombs") bytes = "walkedUnits: [&a x, *a]"u8.ToArray();
        File.WriteAllBytes(_file, bytes);

        var error = Assert.Throws<UserErrorException>(() => RulesFile.Recogniser(which == "missing" ? _file + ".none" : _file));

        Assert.Contains(which == "deep" ? _file : message, error.Message, StringComparison.Ordinal);
        Assert.Equal(2, error.ExitCode);
    }
}
