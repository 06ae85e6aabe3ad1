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
        var share = total <= 0 ? 1.0 : Math.Clamp((double)seen / total, 0, 1);
        var full = (int)(share * Width);
        Write(string.Create(CultureInfo.InvariantCulture, $"{what,-10} [{new string('#', full)}{new string('.', Width - full)}] {share * 100,3:0} %  {seen} of {Math.Max(seen, total)}"));
    }

    /// <summary>Work of which nobody knows how long it takes: what it is, and since when it runs.</summary>
    public async Task<T> WhileAsync<T>(string what, Task<T> work, TimeProvider clock, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        try
        {
            for (var step = 0; isShown && await Task.WhenAny(work, Task.Delay(Beat, clock, cancel)) != work && !cancel.IsCancellationRequested; step++)
            {
                // A mark that wanders to and fro.
                var at = Math.Abs(step % (2 * (Width - 3)) - (Width - 3));
                Write(string.Create(CultureInfo.InvariantCulture, $"{what} [{new string('.', at)}###{new string('.', Width - 3 - at)}] {clock.GetElapsedTime(began).TotalSeconds:0} s"));
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
