using System.Text;

namespace Metering.Cli.Top;

/// <summary>The terminal's alternate screen. Disposing gives the terminal back as it was, whatever ended the view.</summary>
internal sealed class TopScreen : IDisposable
{
    private readonly Stream _terminal = Console.OpenStandardOutput();
    private readonly AppDomain _process = AppDomain.CurrentDomain;
    private bool _left;

    public TopScreen()
    {
        // Also when the process is ended in a way that unwinds nothing.
        _process.ProcessExit += Leave;
        Write("\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J");
    }

    /// <summary>Draws over what was there. A line is erased before it is written: after a full one the cursor stands on its last character.</summary>
    public void Show(IReadOnlyList<string> lines)
    {
        var text = new StringBuilder("\u001b[H");
        for (var i = 0; i < lines.Count; i++) text.Append("\u001b[K").Append(lines[i]).Append(i < lines.Count - 1 ? "\r\n" : "");
        Write(text.Append("\u001b[J").ToString());
    }

    public void Dispose()
    {
        _process.ProcessExit -= Leave;
        Leave(null, EventArgs.Empty);
    }

    private void Leave(object? sender, EventArgs e)
    {
        if (_left) return;
        _left = true;
        Write("\u001b[?7h\u001b[?25h\u001b[?1049l");
    }

    private void Write(string text)
    {
        _terminal.Write(Encoding.UTF8.GetBytes(text));
        _terminal.Flush();
    }
}
