using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Cli;

/// <summary>A real terminal: tmux with a server of its own, driven by keys and read as the person before it would.</summary>
internal sealed class TerminalSession : IAsyncDisposable
{
    private const string Tmux = "/usr/bin/tmux";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private readonly string _socket = "metering-" + Path.GetRandomFileName();

    public static void Require() => ServerPackages.Require(Tmux, "tmux");

    public async Task StartAsync(string command, int width, int height, CancellationToken cancel) =>
        await TmuxAsync(cancel, "-f", "/dev/null", "new-session", "-d", "-x", $"{width}", "-y", $"{height}", "sh", "-c", command);

    public Task SendAsync(CancellationToken cancel, params string[] keys) => TmuxAsync(cancel, ["send-keys", .. keys]);

    public Task ResizeAsync(int width, int height, CancellationToken cancel) => TmuxAsync(cancel, "resize-window", "-x", $"{width}", "-y", $"{height}");

    public Task<string> ScreenAsync(CancellationToken cancel) => TmuxAsync(cancel, "capture-pane", "-p");

    /// <summary>Waits until the screen shows it; fails with what it showed last.</summary>
    public async Task<string> UntilAsync(string what, Func<string, bool> shown, CancellationToken cancel)
    {
        var screen = "";
        for (var i = 0; i < 150; i++)
        {
            if (shown(screen = await ScreenAsync(cancel))) return screen;
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancel);
        }

        throw new TimeoutException($"The terminal never showed {what}:\n{screen}");
    }

    private Task<string> TmuxAsync(CancellationToken cancel, params string[] arguments) => ChildProcess.RunAsync(Tmux, ["-u", "-L", _socket, .. arguments], Timeout, cancel);

    public async ValueTask DisposeAsync() => await TmuxAsync(CancellationToken.None, "kill-server");
}
