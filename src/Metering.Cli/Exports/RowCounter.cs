namespace Metering.Cli.Exports;

/// <summary>Counts rows of CSV: line feeds that are not within quotes.</summary>
internal sealed class RowCounter
{
    private bool _isQuoted;

    public long Rows { get; private set; }

    public void Push(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var at = _isQuoted ? data.IndexOf((byte)'"') : data.IndexOfAny((byte)'"', (byte)'\n');
            if (at < 0) return;
            if (data[at] == '"') _isQuoted = !_isQuoted;
            else Rows++;
            data = data[(at + 1)..];
        }
    }
}
