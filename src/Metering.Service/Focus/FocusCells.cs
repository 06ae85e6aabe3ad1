namespace Metering.Service.Focus;

/// <summary>The fields of one row as they stand in the file, without their quotes. Valid until the next row.</summary>
internal sealed class FocusCells
{
    private byte[] _bytes = new byte[4096];
    private int[] _ends = new int[64];
    private int _at;

    public int Count { get; private set; }

    /// <summary>An empty field that was quoted is a text and no null.</summary>
    public bool HasEmptyText { get; set; }

    public ReadOnlySpan<byte> this[int column]
    {
        get
        {
            var start = column == 0 ? 0 : _ends[column - 1];
            return _bytes.AsSpan(start, _ends[column] - start);
        }
    }

    public bool IsNull(int column) => (column == 0 ? 0 : _ends[column - 1]) == _ends[column];

    public void Clear() => (_at, Count, HasEmptyText) = (0, 0, false);

    public void Append(ReadOnlySpan<byte> part)
    {
        while (_at + part.Length > _bytes.Length) Array.Resize(ref _bytes, _bytes.Length * 2);
        part.CopyTo(_bytes.AsSpan(_at));
        _at += part.Length;
    }

    public void EndField()
    {
        if (Count == _ends.Length) Array.Resize(ref _ends, Count * 2);
        _ends[Count++] = _at;
    }
}
