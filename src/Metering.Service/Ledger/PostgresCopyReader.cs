using System.Buffers.Binary;

namespace Metering.Service.Ledger;

/// <summary>
/// Reads rows of 64-bit integers from PostgreSQL's <c>COPY … TO STDOUT (FORMAT BINARY)</c>: a signature of 11 bytes, flags and the length of an extension (32 bits each), then per row the
/// number of fields (16 bits, −1 at the end) and per field its length (32 bits, −1 for null) and its bytes, all big-endian (PostgreSQL, SQL COPY, "Binary Format").
/// State: a buffer over the stream.
/// </summary>
internal sealed class PostgresCopyReader(Stream stream) : IAsyncDisposable
{
    private const int Header = 19;
    private readonly byte[] _buffer = new byte[256 * 1024];
    private int _at;
    private int _end;
    private bool _begun;
    private bool _ended;

    /// <summary>Takes a row that is wholly in the buffer; false: fill it first.</summary>
    /// <param name="fields">One for each column; zero where it is null.</param>
    /// <param name="known">Bit per column that is not null.</param>
    public bool TryRead(Span<long> fields, out long known)
    {
        known = 0;
        var left = _buffer.AsSpan(_at, _end - _at);
        if (!_begun)
        {
            if (left.Length < Header) return false;
            var extension = BinaryPrimitives.ReadInt32BigEndian(left[15..]);
            if (extension != 0) throw new InvalidDataException("PostgreSQL's copy format has an extension that is not known.");
            (_begun, _at) = (true, _at + Header);
            left = left[Header..];
        }

        if (_ended || left.Length < 2) return false;
        var count = BinaryPrimitives.ReadInt16BigEndian(left);
        if (count == -1)
        {
            _ended = true;
            return false;
        }

        if (count != fields.Length) throw new InvalidDataException($"PostgreSQL's copy has {count} columns, not {fields.Length}.");
        var at = 2;
        for (var i = 0; i < fields.Length; i++)
        {
            if (left.Length - at < 4) return false;
            var length = BinaryPrimitives.ReadInt32BigEndian(left[at..]);
            at += 4;
            fields[i] = 0;
            if (length < 0) continue;
            if (length != 8) throw new InvalidDataException($"Column {i} of PostgreSQL's copy has {length} bytes, not 8.");
            if (left.Length - at < 8) return false;
            fields[i] = BinaryPrimitives.ReadInt64BigEndian(left[at..]);
            known |= 1L << i;
            at += 8;
        }

        _at += at;
        return true;
    }

    /// <summary>Reads on; false at the end.</summary>
    public async ValueTask<bool> FillAsync(CancellationToken cancel)
    {
        if (_at > 0)
        {
            _buffer.AsSpan(_at, _end - _at).CopyTo(_buffer);
            (_at, _end) = (0, _end - _at);
        }

        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancel);
        _end += read;
        if (read > 0) return true;
        return _ended ? false : throw new EndOfStreamException("PostgreSQL's copy ended within a row.");
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
