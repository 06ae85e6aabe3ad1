using System.Globalization;

namespace Metering.Cli.Client;

/// <summary>One line on the terminal that is written over: what is done and how far it is. Nothing when standard error is no terminal. May be called from several threads.</summary>
internal sealed class ProgressLine(TextWriter terminal, bool isShown)
{
    private const int Width = 30;
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(250);
    private readonly Lock _turn = new();
    private string _last = "";

    /// <summary>On standard error, when a person looks at it.</summary>
    public static ProgressLine ForPeople(bool isShown = true) => new(Console.Error, isShown && !Console.IsErrorRedirected);

    public void Show(string what, long seen, long total)
    {
        if (what == "done") return;
        Write(string.Create(CultureInfo.InvariantCulture, $"{Bar(what, seen, total)}  {seen} of {Math.Max(seen, total)}"));
    }

    private static string Bar(string what, long seen, long total)
    {
        var share = total <= 0 ? 1.0 : Math.Clamp((double)seen / total, 0, 1);
        var full = (int)(share * Width);
        return string.Create(CultureInfo.InvariantCulture, $"{what,-10} [{new string('#', full)}{new string('.', Width - full)}] {share * 100,3:0} %");
    }

    // A mark that goes to and fro: it runs, and nobody knows how far.
    private static string Wandering(int step)
    {
        var at = Math.Abs(step % (2 * (Width - 3)) - (Width - 3));
        return $"[{new string('.', at)}###{new string('.', Width - 3 - at)}]";
    }

    /// <summary>Work that others do: what it is, since when it runs, and how far it is where <paramref name="far"/> can tell (a total of 0: not known).</summary>
    public async Task<T> WhileAsync<T>(string what, Task<T> work, Func<Task<(string Stage, long Done, long Total)?>> far, TimeProvider clock, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        try
        {
            for (var step = 0; isShown && !work.IsCompleted && !cancel.IsCancellationRequested; step++)
            {
                var seconds = string.Create(CultureInfo.InvariantCulture, $"{clock.GetElapsedTime(began).TotalSeconds:0} s");
                if (await far() is { Total: > 0 } now) Write($"{what}: {Bar(now.Stage, now.Done, now.Total)}  {seconds}");
                else Write($"{what} {Wandering(step)} {seconds}");
                await Task.WhenAny(work, Task.Delay(Beat, clock, cancel));
            }

            return await work;
        }
        finally
        {
            Clear();
        }
    }

    public void Clear()
    {
        lock (_turn)
        {
            if (isShown && _last.Length > 0) terminal.Write("\r\u001b[K");
            _last = "";
        }
    }

    private void Write(string line)
    {
        lock (_turn)
        {
            if (!isShown || line == _last) return;
            _last = line;
            terminal.Write("\r\u001b[K" + line);
        }
    }
}
