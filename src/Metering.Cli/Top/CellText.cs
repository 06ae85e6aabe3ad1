using System.Globalization;
using Spectre.Console;

namespace Metering.Cli.Top;

/// <summary>Text by the cells it takes on a terminal: East Asian characters and emoji take two, combining marks none.</summary>
internal static class CellText
{
    /// <summary>At most so many cells; what is cut ends in '…'.</summary>
    public static string Cut(string text, int cells)
    {
        if (Width(text) <= cells) return text;
        var (kept, used) = (0, 0);
        var elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext())
        {
            var element = elements.GetTextElement();
            var width = Width(element);
            if (used + width > cells - 1) break;
            (kept, used) = (kept + element.Length, used + width);
        }

        return text[..kept] + "…";
    }

    public static string Pad(string text, int cells) => text + new string(' ', Math.Max(0, cells - Width(text)));

    public static string PadLeft(string text, int cells) => new string(' ', Math.Max(0, cells - Width(text))) + text;

    private static int Width(string text) => text.GetCellWidth();
}
