using System.Globalization;

namespace Metering.Cli.Verification;

/// <summary>One line on the terminal that is written over: which check runs and how far it is. Nothing when standard error is no terminal.</summary>
internal sealed class VerifyProgress(TextWriter terminal, bool isShown)
{
    private const int Width = 30;
    private string _last = "";

    public void Show(string check, long seen, long total)
    {
        if (!isShown || check == "done") return;
        var share = total <= 0 ? 1.0 : Math.Clamp((double)seen / total, 0, 1);
        var full = (int)(share * Width);
        var line = string.Create(CultureInfo.InvariantCulture, $"{check,-10} [{new string('#', full)}{new string('.', Width - full)}] {share * 100,3:0} %  {seen} of {Math.Max(seen, total)}");
        if (line == _last) return;
        _last = line;
        terminal.Write("\r\u001b[K" + line);
    }

    public void Clear()
    {
        if (isShown && _last.Length > 0) terminal.Write("\r\u001b[K");
        _last = "";
    }
}
