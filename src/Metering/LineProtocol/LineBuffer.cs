using System.Globalization;
using System.Text;
using Metering.Safety;

namespace Metering.LineProtocol;

/// <summary>
/// Points in InfluxDB line protocol, one per line, in UTF-8: <c>measurement,tag=value field=1i,other=0.5 timestamp</c>, the timestamp in nanoseconds since 1970.
/// A line is begun, gets tags (in the order of their keys, which servers take in fastest), then fields, and is ended. Measurements and keys are the program's own words:
/// none begins with an underscore or a number sign. Not for several threads.
/// </summary>
public sealed class LineBuffer
{
    private readonly StringBuilder _line = new();
    private readonly List<int> _ends = [];
    private byte[] _bytes = new byte[64 * 1024];
    private char[] _characters = new char[1024];
    private string _lastKey = "";
    private bool _isOpen, _hasField;

    /// <summary>Lines that are ended.</summary>
    public int Count => _ends.Count;

    /// <summary>Bytes of all lines.</summary>
    public int Length => _ends.Count == 0 ? 0 : _ends[^1];

    /// <summary>The bytes of some lines, each with its line feed. Valid until more lines are written or <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Lines(int first, int count) => _bytes.AsMemory(StartOf(first), _ends[first + count - 1] - StartOf(first));

    /// <summary>One line as text, without its line feed.</summary>
    public string Text(int line) => Encoding.UTF8.GetString(_bytes, StartOf(line), _ends[line] - StartOf(line) - 1);

    public void Clear()
    {
        _ends.Clear();
        _line.Clear();
        _isOpen = false;
    }

    /// <summary>Begins a line; one that was not ended is dropped.</summary>
    public void Begin(string measurement)
    {
        _line.Clear();
        LineText.AppendMeasurement(_line, measurement);
        (_isOpen, _hasField, _lastKey) = (true, false, "");
    }

    /// <summary>Adds a tag; an empty value is no tag, for the format has none.</summary>
    public void Tag(string key, string value)
    {
        Invariant.Holds(_isOpen && !_hasField && string.CompareOrdinal(key, _lastKey) > 0);
        _lastKey = key;
        if (value.Length == 0) return;
        _line.Append(',');
        LineText.AppendTag(_line, key);
        _line.Append('=');
        LineText.AppendTag(_line, value);
    }

    public void Field(string key, long value)
    {
        BeginField(key);
        _line.Append(CultureInfo.InvariantCulture, $"{value}i");
    }

    /// <summary>Adds a floating-point field; one that is no finite number is left out, for the format has none.</summary>
    public void Field(string key, double value)
    {
        if (!double.IsFinite(value)) return;
        BeginField(key);

        // A field keeps the type of its first point: 8 written as 8 is a float to every server.
        _line.Append(CultureInfo.InvariantCulture, $"{value:R}");
    }

    /// <summary>Ends the line. One without a field is no point and is dropped: false.</summary>
    public bool End(long nanoseconds)
    {
        Invariant.Holds(_isOpen);
        _isOpen = false;
        if (!_hasField) return false;
        _line.Append(CultureInfo.InvariantCulture, $" {nanoseconds}\n");
        var at = Length;
        if (_characters.Length < _line.Length) _characters = new char[_line.Length * 2];
        _line.CopyTo(0, _characters, _line.Length);
        var most = Encoding.UTF8.GetMaxByteCount(_line.Length);
        if (_bytes.Length - at < most) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, at + most));
        _ends.Add(at + Encoding.UTF8.GetBytes(_characters, 0, _line.Length, _bytes, at));
        return true;
    }

    private void BeginField(string key)
    {
        Invariant.Holds(_isOpen);
        _line.Append(_hasField ? ',' : ' ');
        _hasField = true;
        LineText.AppendTag(_line, key);
        _line.Append('=');
    }

    private int StartOf(int line) => line == 0 ? 0 : _ends[line - 1];
}
