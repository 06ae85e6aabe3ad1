using System.Globalization;
using Metering.Cli.Client;

namespace Metering.Cli.Exports;

/// <summary>One line on the terminal that is written over: dataset, share of what is expected, rows, bytes, rows a second. Nothing when standard error is no terminal.</summary>
internal sealed class ExportProgress(TextWriter terminal, bool isShown, TimeProvider clock)
{
    private const int Width = 30;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(200);
    private long _began = clock.GetTimestamp();
    private long _shown;
    private bool _isOnScreen;

    public void Begin() => (_began, _shown) = (clock.GetTimestamp(), 0);

    /// <param name="expected">Null: not known.</param>
    public void Show(string dataset, long rows, long bytes, long? expected)
    {
        if (!isShown || (_shown != 0 && clock.GetElapsedTime(_shown) < Step)) return;
        (_shown, _isOnScreen) = (clock.GetTimestamp(), true);
        terminal.Write("\r\u001b[K" + Line(dataset, rows, bytes, expected, clock.GetElapsedTime(_began)));
    }

    public void Clear()
    {
        if (_isOnScreen) terminal.Write("\r\u001b[K");
        _isOnScreen = false;
    }

    /// <summary>What is expected is an estimate: it is never shown as reached.</summary>
    internal static string Line(string dataset, long rows, long bytes, long? expected, TimeSpan elapsed)
    {
        var rate = elapsed.TotalSeconds > 0 ? rows / elapsed.TotalSeconds : 0;
        var bar = "";
        if (expected is > 0)
        {
            var share = Math.Min(0.99, (double)rows / expected.Value);
            var full = (int)(share * Width);
            bar = string.Create(CultureInfo.InvariantCulture, $"[{new string('#', full)}{new string('.', Width - full)}] {share * 100,3:0} %  ");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{dataset,-15} {bar}{rows:#,##0} rows, {Tables.Bytes(bytes)}, {rate:#,##0} rows/s");
    }
}
