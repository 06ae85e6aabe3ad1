using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Metering.Service.Ui;

/// <summary>Names that others chose, beside words of ours in one text.</summary>
internal static partial class Isolated
{
    private const char Begin = '\u2068', End = '\u2069';

    /// <summary>The name, set apart when it may turn the writing around: what follows it is read as it was written (Unicode UAX 9, first strong isolate).</summary>
    public static string Name(string name) => Ascii.IsValid(name) ? name : Begin + name + End;

    /// <summary>What is recorded of a change, read as it is stored: characters that turn the writing around are shown as JSON escapes them.</summary>
    public static string Escaped(string text) => Controls().Replace(text, found => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)found.Value[0]:x4}"));

    [GeneratedRegex("[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]")]
    private static partial Regex Controls();
}
