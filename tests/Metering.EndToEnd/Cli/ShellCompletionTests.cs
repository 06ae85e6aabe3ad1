using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>The scripts of <c>metering completion</c> in the shells themselves, by a person's Tab where a terminal is needed.</summary>
public sealed class ShellCompletionTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "metering.dll");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("bash", "bash --norc --noprofile -i", "source <(dotnet {0} completion bash)")]
    [InlineData("zsh", "zsh -f -i", "autoload -U compinit; compinit -D -u; source <(dotnet {0} completion zsh)")]
    public async Task Tab_completes_commands_options_and_values(string shell, string start, string load)
    {
        TerminalSession.Require();
        ServerPackages.Require("/usr/bin/" + shell, shell);
        await using var terminal = new TerminalSession();
        await terminal.StartAsync("PS1='ready> ' exec " + start, 120, 30, Cancel);
        await terminal.SendAsync(Cancel, "PS1='ready> '; " + load.Replace("{0}", Program, StringComparison.Ordinal) + "; echo loaded", "Enter");
        await terminal.UntilAsync("the script", text => text.Contains("\nloaded"), Cancel);

        await TypeAsync("metering quo", "metering quotas ");
        await TypeAsync("metering quotas his", "metering quotas history ");
        await TypeAsync("metering usage --form", "metering usage --format ");
        await TypeAsync("metering usage --format x", "metering usage --format xlsx ");
        await TypeAsync("metering keys create --role sc", "metering keys create --role scrape ");

        async Task TypeAsync(string typed, string completed)
        {
            await terminal.SendAsync(Cancel, "-l", typed);
            await terminal.UntilAsync(typed, text => text.TrimEnd().EndsWith(typed, StringComparison.Ordinal), Cancel);
            await terminal.SendAsync(Cancel, "Tab");
            await terminal.UntilAsync(completed, text => text.TrimEnd().EndsWith(completed.TrimEnd(), StringComparison.Ordinal), Cancel);
            await terminal.SendAsync(Cancel, "C-u", "clear", "Enter");
            await terminal.UntilAsync("a new line", text => text.Trim() == "ready>", Cancel);
        }
    }

    [Fact]
    public async Task Fish_completes_commands_options_and_values()
    {
        ServerPackages.Require("/usr/bin/fish", "fish");
        var found = await ChildProcess.RunAsync("/usr/bin/fish", ["--no-config", "-c", $"dotnet {Program} completion fish | source; complete -C 'metering quo'; complete -C 'metering quotas his'; complete -C 'metering usage --form'; complete -C 'metering usage --format x'"], TimeSpan.FromSeconds(60), Cancel);
        Assert.Equal(["quotas", "history", "--format", "xlsx"], found.Split('\n').Where(line => line.Length > 0).Select(line => line.Split('\t')[0]));
    }
}
