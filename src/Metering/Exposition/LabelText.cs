using System.Buffers;
using System.Globalization;

namespace Metering.Exposition;

/// <summary>
/// The labels of a series as written between the braces: sorted by name, escaped, bounded. The same text is the key of the series, so two label sets that
/// would be written alike are one series, whatever was done to make them writable.
/// </summary>
internal ref struct LabelText
{
    /// <summary>Labels of one series; what comes beyond is left out.</summary>
    public const int MaxLabels = 24;

    /// <summary>UTF-16 code units of one value that are kept; a longer value ends in an ellipsis.</summary>
    public const int MaxValueLength = 512;

    private const char Replacement = '\uFFFD';

    private readonly (string Name, object Value)[] labels;
    private char[] text;
    private int labelCount;
    private int length;

    public LabelText()
    {
        labels = ArrayPool<(string, object)>.Shared.Rent(MaxLabels);
        text = ArrayPool<char>.Shared.Rent(256);
    }

    /// <summary>Adds a label. A later one of the same name replaces the earlier; an empty value is no label at all, as in Prometheus.</summary>
    public void Add(string key, object? value)
    {
        var name = MetricName.Label(key);
        var index = labelCount - 1;
        while (index >= 0 && string.CompareOrdinal(labels[index].Name, name) > 0) index--;
        if (index >= 0 && labels[index].Name == name)
        {
            labels[index].Value = value ?? "";
            return;
        }

        if (labelCount == MaxLabels) return;
        Array.Copy(labels, index + 1, labels, index + 2, labelCount - index - 1);
        labels[index + 1] = (name, value ?? "");
        labelCount++;
    }

    /// <summary>The text; valid until <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<char> Build()
    {
        length = 0;
        for (var i = 0; i < labelCount; i++)
        {
            var value = Text(labels[i].Value);
            if (value.Length == 0) continue;
            if (length > 0) Append(',');
            Append(labels[i].Name);
            Append("=\"");
            AppendEscaped(value);
            Append('"');
        }

        return text.AsSpan(0, length);
    }

    public void Dispose()
    {
        ArrayPool<(string, object)>.Shared.Return(labels, clearArray: true);
        ArrayPool<char>.Shared.Return(text);
    }

    private static string Text(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private void AppendEscaped(string value)
    {
        var kept = Math.Min(value.Length, MaxValueLength);
        for (var i = 0; i < kept; i++)
        {
            var c = value[i];
            switch (c)
            {
                case '\\': Append("\\\\"); break;
                case '"': Append("\\\""); break;
                case '\n': Append("\\n"); break;
                // Scrapers differ on raw control characters (NUL ends the input of some), and none is worth a lost scrape.
                case < ' ' and not '\t' or '\u007F': Append(Replacement); break;
                default:
                    if (char.IsHighSurrogate(c) && i + 1 < kept && char.IsLowSurrogate(value[i + 1]))
                    {
                        Append(c);
                        Append(value[++i]);
                    }
                    else
                    {
                        Append(char.IsSurrogate(c) ? Replacement : c);
                    }

                    break;
            }
        }

        if (kept < value.Length) Append('…');
    }

    private void Append(char c)
    {
        Reserve(1);
        text[length++] = c;
    }

    private void Append(ReadOnlySpan<char> part)
    {
        Reserve(part.Length);
        part.CopyTo(text.AsSpan(length));
        length += part.Length;
    }

    private void Reserve(int more)
    {
        if (length + more <= text.Length) return;
        var larger = ArrayPool<char>.Shared.Rent((length + more) * 2);
        text.AsSpan(0, length).CopyTo(larger);
        ArrayPool<char>.Shared.Return(text);
        text = larger;
    }
}
