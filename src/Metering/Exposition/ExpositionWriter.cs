using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Metering.Exposition;

/// <summary>Writes lines of either format. It knows the grammar; what may follow what is up to the caller.</summary>
internal sealed class ExpositionWriter(ExpositionFormat format, IBufferWriter<byte> output)
{
    private bool OpenMetrics => format == ExpositionFormat.OpenMetrics;

    /// <summary>The <c>TYPE</c>, <c>UNIT</c> and <c>HELP</c> lines of a family.</summary>
    /// <param name="unit">A word, or empty. OpenMetrics allows a <c>UNIT</c> line only when the name ends in it; otherwise the help text says it.</param>
    public void Family(string family, MetricType type, string unit, string help)
    {
        var name = type == MetricType.Counter && !OpenMetrics ? family + "_total" : family;
        var unitIsInName = unit.Length > 0 && family.EndsWith("_" + unit);
        if (unit.Length > 0 && !unitIsInName) help = help.Length == 0 ? $"Unit: {unit}." : $"{help} Unit: {unit}.";
        if (help.Length > 0)
        {
            Meta("# HELP "u8, name);
            Help(help);
            Byte((byte)'\n');
        }

        Meta("# TYPE "u8, name);
        Bytes(type switch { MetricType.Counter => "counter\n"u8, MetricType.Histogram => "histogram\n"u8, _ => "gauge\n"u8 });
        if (!OpenMetrics || !unitIsInName) return;
        Meta("# UNIT "u8, name);
        Chars(unit);
        Byte((byte)'\n');
    }

    /// <summary>Begins a sample line; <see cref="End(long)"/> or its twin finishes it.</summary>
    public void Begin(string family, string suffix, ReadOnlySpan<char> labels)
    {
        Chars(family);
        Chars(suffix);
        if (labels.Length > 0)
        {
            Byte((byte)'{');
            Chars(labels);
            Byte((byte)'}');
        }

        Byte((byte)' ');
    }

    /// <summary>Begins a bucket line.</summary>
    /// <param name="upperBound">Inclusive; positive infinity for the last bucket.</param>
    public void BeginBucket(string family, ReadOnlySpan<char> labels, double upperBound)
    {
        Chars(family);
        Bytes("_bucket{"u8);
        Chars(labels);
        if (labels.Length > 0) Byte((byte)',');
        Bytes("le=\""u8);
        Number(upperBound);
        // OpenMetrics writes bounds as floating point, so that a bound is one label value in every exposer.
        if (OpenMetrics && double.IsInteger(upperBound) && Math.Abs(upperBound) < 1e15) Bytes(".0"u8);
        Bytes("\"} "u8);
    }

    public void End(long value)
    {
        var span = output.GetSpan(20);
        Utf8Formatter.TryFormat(value, span, out var written);
        output.Advance(written);
        Byte((byte)'\n');
    }

    public void End(MetricNumber value)
    {
        if (value.Real == 0)
        {
            End(value.Whole);
            return;
        }

        Number(value.ToDouble());
        Byte((byte)'\n');
    }

    /// <summary>The end of the scrape, which OpenMetrics marks.</summary>
    public void Finish()
    {
        if (OpenMetrics) Bytes("# EOF\n"u8);
    }

    private void Meta(ReadOnlySpan<byte> keyword, string name)
    {
        Bytes(keyword);
        Chars(name);
        Byte((byte)' ');
    }

    private void Help(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '\\': Bytes("\\\\"u8); break;
                case '\n': Bytes("\\n"u8); break;
                case '"' when OpenMetrics: Bytes("\\\""u8); break;
                case < ' ' and not '\t': Byte((byte)' '); break;
                default: output.Advance(rune.EncodeToUtf8(output.GetSpan(4))); break;
            }
        }
    }

    private void Number(double value)
    {
        if (double.IsPositiveInfinity(value)) Bytes("+Inf"u8);
        else if (double.IsNegativeInfinity(value)) Bytes("-Inf"u8);
        else if (double.IsNaN(value)) Bytes("NaN"u8);
        else
        {
            var span = output.GetSpan(32);
            value.TryFormat(span, out var written, "r");
            span[..written].Replace((byte)'E', (byte)'e');
            output.Advance(written);
        }
    }

    private void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    private void Bytes(ReadOnlySpan<byte> bytes) => output.Write(bytes);

    private void Chars(ReadOnlySpan<char> chars) => Encoding.UTF8.GetBytes(chars, output);
}
