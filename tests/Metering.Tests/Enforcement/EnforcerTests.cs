using System.Security.Cryptography;
using Metering.Agent;
using Metering.Agent.Enforcement;
using Metering.Agent.Workloads;
using Metering.Configuration;
using Metering.Enforcement;
using Metering.Messages;
using Metering.Safety;
using Metering.Tests.Support;
using Metering.Units;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Enforcement;

/// <summary>What an agent does with commands, on a directory of the shape of a cgroup tree.</summary>
public sealed class EnforcerTests : IDisposable
{
    private const string Job = "/system.slice/docker-" + Container + ".scope", Own = "/system.slice/metering-agent.service";
    private const string Container = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-enforcer-" + Path.GetRandomFileName())).FullName;
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 22, 9, 0, 0, TimeSpan.Zero));
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly Refusing _files;
    private Enforcer _enforcer;

    public EnforcerTests()
    {
        _files = new Refusing(Tree);
        foreach (var path in new[] { Job, Own, "/custom", "/system.slice/sshd.service", "/machine.slice" }) Make(path);
        _enforcer = New();
    }

    private string Tree => Path.Combine(_root, "cgroup");

    public void Dispose()
    {
        _enforcer.Dispose();
        _key.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData("cpu.max", 250_000, "max 100000", "25000 100000")]
    [InlineData("memory.high", 100_000_000, "max", "99999744")]
    [InlineData("cgroup.freeze", 1, "0", "1")]
    public void A_limit_is_set_and_what_was_there_comes_back_at_its_expiry(string action, long value, string before, string during)
    {
        Assert.Null(_enforcer.Take(Command(action, value)));
        Assert.Equal(during, Text(action));
        Assert.Single(_enforcer.Held);

        _clock.Advance(TimeSpan.FromMinutes(4));
        _enforcer.Tick();
        Assert.Equal(during, Text(action));

        _clock.Advance(TimeSpan.FromMinutes(1));
        _enforcer.Tick();
        Assert.Equal(before, Text(action));
        Assert.Empty(_enforcer.Held);
    }

    [Fact]
    public void Io_is_limited_on_every_device_that_was_used()
    {
        Assert.Null(_enforcer.Take(Command("io.max", 4 << 20)));

        // The kernel keeps a line per device; here the last write is what the file says.
        Assert.Equal(["8:0 rbps=4194304 wbps=4194304", "8:16 rbps=4194304 wbps=4194304"], _files.Writes);

        Save(Job, "io.max", "8:0 rbps=4194304 wbps=4194304 riops=max wiops=max\n8:16 rbps=4194304 wbps=4194304 riops=max wiops=max\n");
        _files.Writes.Clear();
        _enforcer.ReleaseAll("the test ends");
        Assert.Equal(["8:0 rbps=max wbps=1048576", "8:16 rbps=max wbps=max"], _files.Writes);
    }

    [Fact]
    public void A_renewed_command_holds_on_and_a_new_value_replaces_the_old_one()
    {
        _enforcer.Take(Command("cpu.max", 250_000));
        _clock.Advance(TimeSpan.FromMinutes(4));
        Assert.Null(_enforcer.Take(Command("cpu.max", 125_000)));
        _clock.Advance(TimeSpan.FromMinutes(4));
        _enforcer.Tick();

        Assert.Equal("12500 100000", Text("cpu.max"));
        _enforcer.ReleaseAll("done");
        Assert.Equal("max 100000", Text("cpu.max"));
    }

    [Fact]
    public void A_release_undoes_it_and_the_order_is_not_obeyed_again()
    {
        var order = Command("cpu.max", 250_000);
        _enforcer.Take(order);

        Assert.Null(_enforcer.Take(Command("cpu.max", 0, id: "r", releases: "o1")));

        Assert.Equal("max 100000", Text("cpu.max"));
        Assert.Contains("released", _enforcer.Take(order), StringComparison.Ordinal);
        Assert.Equal("max 100000", Text("cpu.max"));
    }

    [Fact]
    public void While_the_services_key_is_rotated_both_count_and_afterwards_the_new_one_alone()
    {
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (former, latter) = (Convert.ToBase64String(_key.ExportSubjectPublicKeyInfo()), Convert.ToBase64String(next.ExportSubjectPublicKeyInfo()));
        Command Next(long value, string id) => CommandSeal.Sign(Order("cpu.max", value) with { Id = id }, next);

        Assert.Contains("signature", _enforcer.Take(Next(250_000, "o2")), StringComparison.Ordinal);

        _enforcer.Dispose();
        _enforcer = New(Configured($"{former}, {latter}"));
        Assert.Null(_enforcer.Take(Command("cpu.max", 250_000)));
        Assert.Null(_enforcer.Take(Next(125_000, "o1")));
        Assert.Equal("12500 100000", Text("cpu.max"));

        _enforcer.Dispose();
        _enforcer = New(Configured(latter));
        Assert.Contains("signature", _enforcer.Take(Command("cpu.max", 250_000)), StringComparison.Ordinal);
        Assert.Null(_enforcer.Take(Next(250_000, "o3")));
        Assert.Throws<UserErrorException>(() => Configured(former + ",x"));
        Assert.Throws<UserErrorException>(() => Configured(string.Join(',', Enumerable.Repeat(former, 5))));
    }

    [Fact]
    public void After_a_kill_the_next_process_brings_back_what_was_there()
    {
        _enforcer.Take(Command("cpu.max", 250_000));
        _enforcer.Dispose();

        _enforcer = New();

        Assert.Equal("max 100000", Text("cpu.max"));
        Assert.Null(_enforcer.Take(Command("cpu.max", 250_000)));
        Assert.Equal("25000 100000", Text("cpu.max"));
    }

    [Fact]
    public void What_a_killed_agent_left_is_undone_when_it_is_removed()
    {
        _enforcer.Take(Command("cpu.max", 250_000));
        _enforcer.Dispose();

        Assert.Equal(0, AgentCommands.Release(_root, Tree, NullLogger.Instance));
        Assert.Equal("max 100000", Text("cpu.max"));

        // Somebody's own setting since is no business of a second call.
        Save(Job, "cpu.max", "25000 100000\n");
        Assert.Equal(0, AgentCommands.Release(_root, Tree, NullLogger.Instance));
        Assert.Equal("25000 100000", Text("cpu.max"));
        Save(Job, "cpu.max", "max 100000\n");
        _enforcer = New();
        Assert.Contains("is the one that the agent ran with", Assert.Throws<UserErrorException>(() => AgentCommands.Release(_root + "-none", Tree, NullLogger.Instance)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kill_between_the_journal_and_the_kernel_changes_nothing()
    {
        _files.Fails = true;
        _enforcer.Take(Command("cpu.max", 250_000));
        _enforcer.Dispose();
        _files.Fails = false;

        _enforcer = New();

        Assert.Equal("max 100000", Text("cpu.max"));
        Assert.Empty(_files.Writes);
    }

    [Fact]
    public void What_can_not_be_written_is_said_and_tried_again()
    {
        _files.Fails = true;
        Assert.Null(_enforcer.Take(Command("cpu.max", 250_000)));
        Assert.Contains("can not be written", Assert.Single(_enforcer.Held).Trouble, StringComparison.Ordinal);
        Assert.Equal($"0 in force; cpu.max of {Job} can not be written (Operation not permitted)", _enforcer.Describe());

        _files.Fails = false;
        _enforcer.Tick();
        Assert.Equal("1 in force", _enforcer.Describe());
        Assert.Null(Assert.Single(_enforcer.Held).Trouble);
        Assert.Equal("25000 100000", Text("cpu.max"));

        _files.Fails = true;
        _enforcer.ReleaseAll("done");
        Assert.Contains("can not be set back", Assert.Single(_enforcer.Held).Trouble, StringComparison.Ordinal);

        _files.Fails = false;
        _enforcer.Tick();
        Assert.Equal("max 100000", Text("cpu.max"));
    }

    [Fact]
    public void What_somebody_set_by_hand_stays()
    {
        _enforcer.Take(Command("cpu.max", 250_000));
        Save(Job, "cpu.max", "80000 100000");

        Assert.Contains("somebody else", _enforcer.Take(Command("cpu.max", 250_000)), StringComparison.Ordinal);
        _enforcer.ReleaseAll("done");

        Assert.Equal("80000 100000", Text("cpu.max"));
        Assert.Contains("by hand", _enforcer.Take(Command("cpu.max", 250_000)), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_cgroup_at_the_same_path_is_not_touched()
    {
        _enforcer.Take(Command("cpu.max", 250_000));
        Directory.Move(Tree + Job, Tree + "/aside");
        Make(Job);
        Save(Job, "cpu.max", "25000 100000");

        _enforcer.ReleaseAll("done");

        Assert.Equal("25000 100000", Text("cpu.max"));
        Assert.Empty(_enforcer.Held);
    }

    [Fact]
    public void A_stricter_limit_stands()
    {
        Save(Job, "cpu.max", "10000 100000");

        Assert.Contains("no weaker", _enforcer.Take(Command("cpu.max", 250_000)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_writes_nothing()
    {
        Assert.Null(_enforcer.Take(Command("cpu.max", 250_000, dryRun: true)));

        Assert.Empty(_enforcer.Held);
        Assert.Empty(_files.Writes);
    }

    [Theory]
    [InlineData(Own, "holds this agent")]
    [InlineData("/system.slice", "holds this agent")]
    [InlineData("/", "no path")]
    [InlineData("/custom/../machine.slice", "no path")]
    [InlineData("/custom", "directory of the system (raw)")]
    [InlineData("/machine.slice", "directory of the system")]
    [InlineData("/system.slice/sshd.service", "service of the system")]
    [InlineData("/system.slice/docker-1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope", "no cgroup")]
    public void Only_workloads_are_touched(string path, string refusal)
    {
        Assert.Contains(refusal, _enforcer.Take(Command("cpu.max", 250_000, path: path)), StringComparison.Ordinal);
        Assert.Empty(_files.Writes);
        Assert.Equal(1, _enforcer.Refused);
    }

    [Fact]
    public void A_command_that_is_not_right_is_not_obeyed()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var changed = Command("cpu.max", 250_000);
        changed.Expires = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(_clock.GetUtcNow() + TimeSpan.FromMinutes(50));
        Dictionary<string, Command> wrong = new()
        {
            ["signature"] = CommandSeal.Sign(Order("cpu.max", 250_000), other),
            ["signature "] = changed,
            ["is for host h2"] = CommandSeal.Sign(Order("cpu.max", 250_000) with { Host = "h2" }, _key),
            ["expired"] = CommandSeal.Sign(Order("cpu.max", 250_000) with { ExpiresMicroseconds = _clock.GetUtcNow().ToUnixMicroseconds() }, _key),
            ["longer than"] = CommandSeal.Sign(Order("cpu.max", 250_000) with { ExpiresMicroseconds = (_clock.GetUtcNow() + TimeSpan.FromHours(2)).ToUnixMicroseconds() }, _key),
            ["no action"] = Command("cpu.weight", 1),
            ["below this host's"] = Command("cpu.max", 10_000),
            ["below this host's "] = Command("memory.high", 4096),
            [" below this host's "] = Command("io.max", 1),
            ["is 1"] = Command("cgroup.freeze", 2),
        };

        foreach (var (refusal, command) in wrong) Assert.Contains(refusal.Trim(), _enforcer.Take(command), StringComparison.Ordinal);

        Assert.Empty(_files.Writes);
    }

    [Fact]
    public void Nothing_is_done_where_the_host_does_not_permit_it()
    {
        using var off = new Enforcer(EnforcementOptions.Off, "h1", new HeldLimits(_root), _files, Recognise, () => Own, _clock, NullLogger.Instance);
        off.Start();
        off.Trust(_key.ExportSubjectPublicKeyInfo());
        Assert.Contains("permits no action", off.Take(Command("cpu.max", 250_000)), StringComparison.Ordinal);
        Assert.StartsWith("refused: this host permits no action", off.Describe(), StringComparison.Ordinal);

        _enforcer.Dispose();
        _enforcer = New(EnforcementAction.MemoryHigh);
        Assert.Contains("does not permit cpu.max", _enforcer.Take(Command("cpu.max", 250_000)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_journal_that_can_not_be_read_is_kept_aside()
    {
        File.WriteAllText(Path.Combine(_root, "enforcement.json"), "[{");

        _enforcer.Dispose();
        _enforcer = New();

        Assert.True(File.Exists(Path.Combine(_root, "enforcement.json.damaged")));
    }

    private static Workload Recognise(string path) => BuiltIn.Recognise(path);

    private static readonly WorkloadRecogniser BuiltIn = new();

    private static EnforcementOptions Configured(string keys) =>
        EnforcementOptions.From(new Settings(new Dictionary<string, string?> { ["Enforcement:Actions"] = "cpu.max", ["Enforcement:PublicKey"] = keys }), keyComesLater: false);

    private Enforcer New(params EnforcementAction[] actions)
    {
        var options = new EnforcementOptions { Actions = (actions.Length > 0 ? actions : Enum.GetValues<EnforcementAction>()).ToHashSet(), PublicKeys = [_key.ExportSubjectPublicKeyInfo()] };
        return New(options);
    }

    private Enforcer New(EnforcementOptions options)
    {
        var enforcer = new Enforcer(options, "h1", new HeldLimits(_root), _files, Recognise, () => Own, _clock, NullLogger.Instance);
        enforcer.Start();
        return enforcer;
    }

    private Command Command(string action, long value, string path = Job, string id = "o1", string? releases = null, bool dryRun = false) =>
        CommandSeal.Sign(Order(action, value) with { Path = path, Id = id, Releases = releases, DryRun = dryRun }, _key);

    private EnforcementOrder Order(string action, long value) => new("o1", "h1", (_clock.GetUtcNow() + TimeSpan.FromMinutes(5)).ToUnixMicroseconds(), action, Job, value, "q", "cpuSeconds is over 100 %");

    private void Make(string path)
    {
        Directory.CreateDirectory(Tree + path);
        Save(path, "cpu.max", "max 100000\n");
        Save(path, "memory.high", "max\n");
        Save(path, "io.max", "8:0 rbps=max wbps=1048576 riops=max wiops=max\n");
        Save(path, "io.stat", "8:0 rbytes=1 wbytes=1\n8:16 rbytes=1 wbytes=1\n");
        Save(path, "cgroup.freeze", "0\n");
    }

    private void Save(string path, string file, string text) => File.WriteAllText(Tree + path + "/" + file, text);

    private string Text(string file) => File.ReadAllText(Tree + Job + "/" + file).Trim();

    /// <summary>As a kernel that refuses writes for a while.</summary>
    private sealed class Refusing(string mountPoint) : ControlFiles(mountPoint)
    {
        public bool Fails { get; set; }

        public List<string> Writes { get; } = [];

        public override int Write(string path, ulong inode, string file, string text)
        {
            if (Fails) return 1;
            Writes.Add(text);
            return base.Write(path, inode, file, text);
        }
    }
}
