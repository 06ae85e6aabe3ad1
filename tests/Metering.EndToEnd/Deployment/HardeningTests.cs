using System.Text.RegularExpressions;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Enforcement;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>The units and the AppArmor profile, as systemd's and AppArmor's own programs judge them.</summary>
public sealed partial class HardeningTests
{
    private const string Analyze = "/usr/bin/systemd-analyze";
    private const string AppArmor = "/usr/sbin/apparmor_parser";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("metering-agent.service")]
    [InlineData("metering-service.service")]
    public async Task The_exposure_of_a_unit_is_at_most_2(string unit)
    {
        ServerPackages.Require(Analyze, "systemd");

        // In tenths; it ends with 1 above the threshold.
        await ChildProcess.RunAsync(Analyze, ["security", "--offline=true", "--no-pager", "--threshold=20", Unit(unit)], Limit, Cancel);
    }

    [Theory]
    [InlineData("metering-agent.service")]
    [InlineData("metering-service.service")]
    public async Task Systemd_knows_every_line_of_a_unit(string unit)
    {
        ServerPackages.Require(Analyze, "systemd");
        using var directory = new TestDirectory();

        // Not installed here: neither the program nor its README.
        var text = ExecStart().Replace(await File.ReadAllTextAsync(Unit(unit), Cancel), "ExecStart=/bin/true").Replace("Documentation=", "#Documentation=", StringComparison.Ordinal);
        await File.WriteAllTextAsync(directory.File(unit), text, Cancel);
        Assert.Equal("", await ChildProcess.RunAsync(Analyze, ["verify", "--man=no", directory.File(unit)], Limit, Cancel));

        await File.WriteAllTextAsync(directory.File(unit), text.Replace("ProtectSystem=strict", "ProtectSistem=strict", StringComparison.Ordinal), Cancel);
        Assert.Contains("ProtectSistem", await ChildProcess.RunAsync(Analyze, ["verify", "--man=no", directory.File(unit)], Limit, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Systemd_takes_the_drop_in_of_enforcement_and_it_opens_the_tree()
    {
        ServerPackages.Require(Analyze, "systemd");
        using var directory = new TestDirectory();
        Directory.CreateDirectory(directory.File("metering-agent.service.d"));
        foreach (var (source, target) in new[] { ("metering-agent.service", "metering-agent.service"), ("metering-agent.enforcement.conf", "metering-agent.service.d/enforcement.conf") })
            await File.WriteAllTextAsync(directory.File(target), ExecStart().Replace(await File.ReadAllTextAsync(Unit(source), Cancel), "Exec$1=/bin/true").Replace("Documentation=", "#Documentation=", StringComparison.Ordinal), Cancel);

        Assert.Equal("", await ChildProcess.RunAsync(Analyze, ["verify", "--man=no", directory.File("metering-agent.service")], Limit, Cancel));
        var lines = await File.ReadAllLinesAsync(Unit("metering-agent.enforcement.conf"), Cancel);
        foreach (var line in (string[])["ProtectControlGroups=no", "User=root", "DynamicUser=no"]) Assert.Contains(line, lines);

        // A line that systemd does not know shows that the drop-in is looked at.
        await File.AppendAllTextAsync(directory.File("metering-agent.service.d/enforcement.conf"), "ProtektControlGroups=no\n", Cancel);
        Assert.Contains("ProtektControlGroups", await ChildProcess.RunAsync(Analyze, ["verify", "--man=no", directory.File("metering-agent.service")], Limit, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AppArmor_lets_the_agent_write_the_four_files_of_enforcement_where_an_administrator_says_so_and_nothing_else()
    {
        ServerPackages.Require(AppArmor, "apparmor");
        var profile = Path.Combine(RepositoryFiles.Root, "deploy/apparmor/metering-agent");
        Assert.DoesNotContain(await RulesAsync(), rule => rule.StartsWith("@{sys}/fs/cgroup", StringComparison.Ordinal) && rule.Contains('w', StringComparison.Ordinal) && !rule.EndsWith(" r,", StringComparison.Ordinal));

        var included = await RulesAsync("-I", Path.Combine(RepositoryFiles.Root, "deploy/apparmor"));
        Assert.Equal(EnforcementActions.ByName.Keys.Select(file => $"@{{sys}}/fs/cgroup/**/{file} w,").Order(StringComparer.Ordinal), included.Where(rule => rule.StartsWith("@{sys}/fs/cgroup/", StringComparison.Ordinal) && rule.EndsWith(" w,", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

        // A refusal outweighs what is permitted elsewhere.
        Assert.DoesNotContain(included, rule => rule.StartsWith("deny", StringComparison.Ordinal) && rule.Contains("cgroup", StringComparison.Ordinal));
        await ChildProcess.RunAsync(AppArmor, ["--skip-kernel-load", "--skip-cache", "-I", Path.Combine(RepositoryFiles.Root, "deploy/apparmor"), profile], Limit, Cancel);

        async Task<List<string>> RulesAsync(params string[] how) => [.. (await ChildProcess.RunAsync(AppArmor, ["--preprocess", .. how, profile], Limit, Cancel)).Split('\n').Select(line => line.Trim())];
    }

    [Fact]
    public void The_agents_unit_may_read_first_and_sees_the_hosts_tree()
    {
        var lines = File.ReadAllLines(Unit("metering-agent.service"));

        Assert.Contains("LimitNICE=-10", lines);
        Assert.Contains("ProtectControlGroups=yes", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("ProcSubset=", StringComparison.Ordinal) || line.StartsWith("MemoryDenyWriteExecute=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AppArmor_takes_the_profile_and_the_profile_knows_every_place_that_names_come_from()
    {
        ServerPackages.Require(AppArmor, "apparmor");
        var file = Path.Combine(RepositoryFiles.Root, "deploy/apparmor/metering-agent");
        await ChildProcess.RunAsync(AppArmor, ["--skip-kernel-load", "--skip-cache", file], Limit, Cancel);

        using var directory = new TestDirectory();
        var profile = await File.ReadAllTextAsync(file, Cancel);
        await File.WriteAllTextAsync(directory.File("wrong"), profile.Replace("capability sys_ptrace,", "capability sys_everything,", StringComparison.Ordinal), Cancel);
        await ChildProcess.RunAsync(AppArmor, ["--skip-kernel-load", "--skip-cache", directory.File("wrong")], Limit, Cancel, exitCode: 1);

        // Flat: what the profile calls /run/{a,b}/ is /run/a/ and /run/b/.
        var allowed = Alternatives().Matches(profile).SelectMany(match => match.Groups["names"].Value.Split(',').Select(name => match.Groups["before"].Value + name + "/")).Append("/usr/lib/systemd/").Append("/usr/local/lib/systemd/").Append("/etc/passwd").Append("/var/snap/").ToArray();
        var read = Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "src/Metering.Agent/Workloads"), "*.cs", SearchOption.AllDirectories).SelectMany(source => Places().Matches(File.ReadAllText(source))).Select(match => match.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        Assert.NotEmpty(read);
        Assert.All(read, place => Assert.Contains(allowed, start => (place + "/").StartsWith(start, StringComparison.Ordinal)));
    }

    private static string Unit(string name) => Path.Combine(RepositoryFiles.Root, "deploy/systemd", name);

    [GeneratedRegex("Exec(Start|StopPost)=[^ ]+")]
    private static partial Regex ExecStart();

    [GeneratedRegex("(?m)^  (?<before>/[a-z/]+/)\\{(?<names>[a-z0-9,]+)\\}/\\*\\* r,$")]
    private static partial Regex Alternatives();

    [GeneratedRegex("\"(/(?:run|var|etc|usr)/[a-zA-Z0-9._/-]+)")]
    private static partial Regex Places();
}
