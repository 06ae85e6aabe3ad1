using Metering.Cli.Client;
using Metering.Cli.Commands;
using Metering.Cli.Running;
using Metering.Safety;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class TablesTests
{
    private static readonly string Long = "/" + new string('a', 9000) + "/end";

    [Theory]
    [InlineData("plain [red]text[/]", "plain [red]text[/]")]
    [InlineData("a\nb\tc", "a\\x0ab\\x09c")]
    [InlineData("\u001b[2Jgone", "\\x1b[2Jgone")]
    [InlineData("\u009b31m", "\\x9b31m")]
    [InlineData("a\u202egnp", "a\\u202egnp")]
    [InlineData("\u2067x\u2069", "\\u2067x\\u2069")]
    public void Names_can_not_move_the_cursor(string name, string shown) => Assert.Equal(shown, Tables.Inert(name));

    [Fact]
    public void Facts_are_inert_too()
    {
        var output = new StringWriter();
        Tables.WriteFacts(output, [("command", "x\u001b[31m\r\ny"), ("empty", "")]);
        Assert.Equal("  command  x\\x1b[31m\\x0d\\x0ay" + Environment.NewLine, output.ToString());
    }

    [Fact]
    public void Instants_are_shown_to_the_second()
    {
        var output = new StringWriter();
        Tables.WriteFacts(output, [("at", "2026-11-22T15:25:25.0448706+00:00"), ("local", "2026-11-22T15:25:25+01:00"), ("day", "2026-11-22")]);
        Tables.Write(output, null, ["since"], [["since 2026-11-22T15:25:25Z"]]);
        Assert.Equal(["  at     2026-11-22 15:25:25Z", "  local  2026-11-22T15:25:25+01:00", "  day    2026-11-22", "since", "since 2026-11-22 15:25:25Z"], output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()));
    }

    [Theory]
    [InlineData("=cmd()", "'=cmd()")]
    [InlineData("-5", "-5")]
    [InlineData("-5+1", "'-5+1")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"x\"", "\"say \"\"x\"\"\"")]
    public void Csv_is_safe_in_a_spreadsheet(string text, string field) => Assert.Equal(field, Tables.CsvField(text));

    [Theory]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    public void Bytes_are_for_people(int bytes, string text) => Assert.Equal(text, Tables.Bytes((decimal)bytes));

    [Theory]
    [InlineData("sh", 0)]
    [InlineData("/bin/sh", 0)]
    [InlineData("no-such-command-here", 127)]
    [InlineData("/no/such/file", 127)]
    [InlineData("/etc", 126)]
    [InlineData("/etc/passwd", 126)]
    public void Commands_are_looked_for_as_a_shell_does(string command, int code) => Assert.Equal(code, Executable.Check(command, "/usr/bin:/bin"));

    [Theory]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData("cgroup.procs")]
    [InlineData("run-1")]
    public void A_tenant_must_be_a_name_of_a_cgroup_too(string tenant) => Assert.Equal(2, Assert.Throws<UserErrorException>(() => TenantRule.Check(tenant)).ExitCode);

    [Fact]
    public void Io_of_all_devices_is_added() => Assert.Equal((12, 30), RunGroup.SumIo(["8:0 rbytes=4 wbytes=10 rios=1 wios=1 dbytes=0 dios=0", "8:16 rbytes=8 wbytes=20 rios=1 wios=1 dbytes=0 dios=0"]));

    [Fact]
    public void Keys_expire_at_an_instant_or_after_a_span()
    {
        var now = new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(now.AddDays(90), ResourceCommand.Expiry("90d", now));
        Assert.Equal(new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero), ResourceCommand.Expiry("2027-01-01T00:00:00Z", now));
        Assert.Null(ResourceCommand.Expiry(null, now));
        Assert.Equal(2, Assert.Throws<UserErrorException>(() => ResourceCommand.Expiry("soon", now)).ExitCode);
    }

    [Fact]
    public void A_name_of_thousands_of_characters_is_whole_in_a_pipe_and_hides_nothing()
    {
        using var output = new StringWriter();

        Tables.Write(output, width: null, ["kind", "path", "CPU s"], [["raw", Long, "1.5"], ["docker", "/x", "2.5"]]);

        var lines = output.ToString().Split('\n');
        Assert.Contains("kind", lines[0]);
        Assert.Contains(Long, lines[1]);
        Assert.Contains("2.5", lines[2]);
    }

    [Fact]
    public void On_a_terminal_the_widest_column_is_cut_and_keeps_its_end()
    {
        using var output = new StringWriter();

        Tables.Write(output, width: 60, ["kind", "path", "CPU s"], [["raw", Long, "1.5"], ["docker", "/x", "2.5"]]);

        var text = output.ToString();
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 60, line));
        Assert.Contains("aa…aa", text);
        Assert.Contains("/end", text);
        Assert.Contains("docker", text);
        Assert.Contains("1.5", text);
    }
}
