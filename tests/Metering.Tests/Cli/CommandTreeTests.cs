using System.CommandLine;
using System.CommandLine.Parsing;
using Metering.Cli;
using Metering.Cli.Help;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>What must hold for every command.</summary>
public sealed class CommandTreeTests
{
    /// <summary>Commands that do something, run for ever, or print what is no report; all others read.</summary>
    private static readonly HashSet<string> Doing =
    [
        "up", "agent", "service", "enroll", "health", "backup", "restore", "completion", "identify", "export focus", "enforcement release", "enforcement key", "silences add", "timeseries rebuild",
        "tenants apply", "ownership apply", "contracts apply", "allocation apply", "quotas apply", "plans apply", "reports apply", "webhooks apply",
        "quotas remove", "plans remove", "reports remove", "reports run", "webhooks remove", "webhooks test", "webhooks redeliver", "webhooks rotate", "silences end", "keys revoke",
    ];

    public static TheoryData<string> Paths => [.. All(CommandTree.Create(), "").Select(found => found.Path)];

    [Theory]
    [InlineData("up agent service top doctor identify usage cost tenants ownership prices quotas webhooks keys periods invoices export run prove verify simulate")]
    public void The_commands_of_the_contract_exist(string names)
    {
        var known = CommandTree.Create().Subcommands.Select(command => command.Name).ToHashSet();
        Assert.All(names.Split(' '), name => Assert.Contains(name, known));
    }

    [Theory]
    [InlineData("up", "--data --url --interval --no-agent --demo")]
    [InlineData("agent", "--data --url --interval")]
    [InlineData("service", "--data --url --interval")]
    [InlineData("doctor", "--passes --cgroup-root --meters")]
    [InlineData("run", "--tenant")]
    [InlineData("simulate", "--hosts --workloads --interval --passes --seed")]
    [InlineData("tenants apply", "--file")]
    [InlineData("contracts apply", "--file --force")]
    public void The_options_of_the_contract_exist(string path, string options)
    {
        var known = All(CommandTree.Create(), "").Single(found => found.Path == path).Command.Options.Select(option => option.Name).ToHashSet();
        Assert.All(options.Split(' '), option => Assert.Contains(option, known));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Every_command_shows_examples_that_are_taken(string path)
    {
        var root = CommandTree.Create();
        Assert.True(Examples.Of.TryGetValue(path, out var examples), $"'{path}' has no example; add one to Examples.");
        foreach (var example in examples!)
        {
            var parsed = root.Parse(CommandLineParser.SplitCommandLine(example.Replace('\'', '"')).ToArray(), new ParserConfiguration { ResponseFileTokenReplacer = null });
            Assert.True(parsed.Errors.Count == 0, $"{example}: {string.Join(" ", parsed.Errors.Select(error => error.Message))}");
        }

        using var output = new StringWriter();
        Assert.Equal(0, root.Parse([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).Invoke(new InvocationConfiguration { Output = output }));
        Assert.Contains("metering " + examples[0], output.ToString());
        Assert.Contains("Exit codes:", output.ToString());
    }

    [Fact]
    public void Examples_are_of_commands_that_exist() => Assert.Empty(Examples.Of.Keys.Except(All(CommandTree.Create(), "").Select(found => found.Path)));

    [Theory]
    [MemberData(nameof(Paths))]
    public void Every_command_that_reads_answers_in_json(string path)
    {
        var command = All(CommandTree.Create(), "").Single(found => found.Path == path).Command;
        if (command.Subcommands.Count > 0 || Doing.Contains(path)) return;
        var format = command.Options.SingleOrDefault(option => option.Name == "--format");
        Assert.True(format is not null, $"'{path}' has no --format; give it one, or name it among those that do not read.");
        Assert.Contains("json", format!.GetCompletions(System.CommandLine.Completions.CompletionContext.Empty).Select(item => item.Label));
    }

    [Theory]
    [InlineData("usge", "There is no command 'metering usge'; did you mean 'metering usage'?")]
    [InlineData("usge --help", "There is no command 'metering usge'; did you mean 'metering usage'?")]
    [InlineData("quotas lsit", "There is no command 'metering quotas lsit'; did you mean 'metering quotas list'?")]
    [InlineData("quotas nothing-like-it", "There is no command 'metering quotas nothing-like-it'; see 'metering quotas --help'.")]
    [InlineData("usage --formt json", "'metering usage' has no option '--formt'; did you mean '--format'?")]
    [InlineData("keys list extra", "'metering keys list' takes no argument 'extra'; see 'metering keys list --help'.")]
    [InlineData("export", "'metering export' needs one of focus; see 'metering export --help'.")]
    [InlineData("periods close", "'metering periods close' needs MONTH; see 'metering periods close --help'.")]
    [InlineData("usage --format xml", "--format can not be 'xml', it is one of csv, json, table, xlsx; see 'metering usage --help'.")]
    [InlineData("usage --format", "--format needs a value; see 'metering usage --help'.")]
    [InlineData("usage --help", null)]
    [InlineData("quotas --help", null)]
    [InlineData("run -- sh -c true", null)]
    public void Wrong_use_is_one_sentence_with_what_helps(string line, string? sentence) =>
        Assert.Equal(sentence, WrongUse.Of(CommandTree.Create().Parse(line.Split(' '), new ParserConfiguration { ResponseFileTokenReplacer = null })));

    private static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(part => All(part, $"{path} {part.Name}".Trim())).Prepend((path, command));
}
