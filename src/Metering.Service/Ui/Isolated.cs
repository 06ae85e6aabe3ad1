using System.Text;

namespace Metering.Service.Ui;

/// <summary>Names that others chose, beside words of ours in one text.</summary>
internal static class Isolated
{
    private const char Begin = '\u2068', End = '\u2069';

    /// <summary>The name, set apart when it may turn the writing around: what follows it is read as it was written (Unicode UAX 9, first strong isolate).</summary>
    public static string Name(string name) => Ascii.IsValid(name) ? name : Begin + name + End;
}
