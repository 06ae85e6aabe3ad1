using Metering.Cli.Doctor;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>Whether <c>doctor</c> says what keeps an agent from acting on a breach.</summary>
public sealed class EnforcementCheckTests : IDisposable
{
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-enforce-" + Path.GetRandomFileName())).FullName;

    [Fact]
    public void Files_that_can_be_written_are_well_and_are_left_as_they_are()
    {
        Make("a.slice/cpu.max", "max 100000");
        Make("b.slice/cgroup.freeze", "0");

        var check = EnforcementCheck.OfFiles(_root, ["cpu.max", "cgroup.freeze"]);

        Assert.Equal((CheckState.Ok, "cpu.max, cgroup.freeze can be written"), (check.State, check.Finding));
        Assert.Equal("max 100000", File.ReadAllText(Path.Combine(_root, "a.slice/cpu.max")));
    }

    [Fact]
    public void One_that_can_not_be_written_is_told_with_what_opens_it()
    {
        // Root may write any file; what is no file nobody may.
        Make("a.slice/memory.high", "max");
        Directory.CreateDirectory(Path.Combine(_root, "a.slice/cpu.max"));

        var check = EnforcementCheck.OfFiles(_root, ["memory.high", "cpu.max"]);

        Assert.Equal(CheckState.Warning, check.State);
        Assert.StartsWith($"{_root}/a.slice/cpu.max can not be written: ", check.Finding, StringComparison.Ordinal);
        foreach (var file in (string[])["deploy/systemd/metering-agent.enforcement.conf", "deploy/apparmor/local/metering-agent"])
        {
            Assert.Contains(file, check.Remedy, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(RepositoryFiles.Root, file)), file);
        }
    }

    [Fact]
    public void An_action_without_its_controller_is_told()
    {
        Make("a.slice/cpu.max", "max 100000");

        Assert.Equal((CheckState.Warning, "no cgroup has io.max"), (EnforcementCheck.OfFiles(_root, ["cpu.max", "io.max"]).State, EnforcementCheck.OfFiles(_root, ["cpu.max", "io.max"]).Finding));
    }

    [Fact]
    public void A_profile_that_is_loaded_has_to_have_the_rules_of_enforcement()
    {
        var (profiles, local) = (Path.Combine(_root, "profiles"), Path.Combine(_root, "local"));
        Assert.Null(EnforcementCheck.OfProfile(["cpu.max"], profiles, local));
        File.WriteAllText(profiles, "docker-default (enforce)\n");
        Assert.Null(EnforcementCheck.OfProfile(["cpu.max"], profiles, local));

        File.AppendAllText(profiles, "metering-agent (enforce)\n");
        Assert.Equal(CheckState.Warning, EnforcementCheck.OfProfile(["cpu.max"], profiles, local)?.State);
        File.WriteAllText(local, "#@{sys}/fs/cgroup/**/cpu.max w,\n");
        Assert.Equal(CheckState.Warning, EnforcementCheck.OfProfile(["cpu.max"], profiles, local)?.State);
        File.Copy(Path.Combine(RepositoryFiles.Root, "deploy/apparmor/local/metering-agent"), local, overwrite: true);
        Assert.Equal(CheckState.Ok, EnforcementCheck.OfProfile(["cpu.max", "memory.high", "io.max", "cgroup.freeze"], profiles, local)?.State);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Make(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_root, file))!);
        File.WriteAllText(Path.Combine(_root, file), text);
    }
}
