using System.IO.Pipelines;
using System.Buffers;

namespace Metering.Service.Focus;

/// <summary>Reads CSV (RFC 4180) piece by piece, however the pieces are cut. State: the row under way.</summary>
internal sealed class FocusCsvReader(Action<FocusCells> row)
{
    /// <summary>A row is no longer than this: what has no end is no CSV.</summary>
    private const int MaxFields = 10_000;

    private static readonly SearchValues<byte> Special = SearchValues.Create(",\"\r\n"u8);

    private enum State
    {
        /// <summary>At the beginning of a field.</summary>
        Field,
        Plain,
        Quoted,

        /// <summary>After a quote within quotes: the end, or the first of two.</summary>
        Quote,

        /// <summary>After CR.</summary>
        Return,
    }

    private readonly FocusCells _cells = new();
    private State _state = State.Field;
    private bool _any, _wasQuoted;

    /// <summary>Throws <see cref="FormatException"/> for what is no CSV.</summary>
    public void Push(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            switch (_state)
            {
                case State.Quoted:
                    var quote = data.IndexOf((byte)'"');
                    _cells.Append(quote < 0 ? data : data[..quote]);
                    data = quote < 0 ? [] : data[(quote + 1)..];
                    if (quote >= 0) _state = State.Quote;
                    break;
                case State.Quote when data[0] == '"':
                    _cells.Append("\""u8);
                    _state = State.Quoted;
                    data = data[1..];
                    break;
                case State.Return when data[0] == '\n':
                    _state = State.Field;
                    data = data[1..];
                    break;
                case State.Return:
                    _state = State.Field;
                    break;
                case State.Field when data[0] == '"':
                    (_state, _any, _wasQuoted) = (State.Quoted, true, true);
                    data = data[1..];
                    break;
                default:
                    data = Plain(data);
                    break;
            }
        }
    }

    /// <summary>The last row may have no line end.</summary>
    public void End()
    {
        if (_state == State.Quoted) throw new FormatException("The file ends within quotes; it was cut off.");
        if (_any) EndRow();
    }

    /// <summary>Reads a pipe to its end.</summary>
    public async Task ReadAsync(PipeReader input, CancellationToken cancel)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancel);
            foreach (var piece in read.Buffer) Push(piece.Span);
            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) break;
        }

        End();
    }

    private ReadOnlySpan<byte> Plain(ReadOnlySpan<byte> data)
    {
        var at = data.IndexOfAny(Special);
        if (at < 0)
        {
            _cells.Append(data);
            (_state, _any) = (State.Plain, true);
            return [];
        }

        if (at > 0 && _state == State.Quote) throw new FormatException("A field goes on after its closing quote.");
        _cells.Append(data[..at]);
        switch (data[at])
        {
            case (byte)',':
                EndField();
                _any = true;
                break;
            case (byte)'"':
                throw new FormatException("There is a quote within a field that is not quoted.");
            default:
                EndRow();
                if (data[at] == '\r') _state = State.Return;
                break;
        }

        return data[(at + 1)..];
    }

    private void EndField()
    {
        if (_cells.Count >= MaxFields) throw new FormatException($"A row has more than {MaxFields} fields.");
        var before = _cells.Count;
        _cells.EndField();
        if (_wasQuoted && _cells.IsNull(before)) _cells.HasEmptyText = true;
        (_state, _wasQuoted) = (State.Field, false);
    }

    private void EndRow()
    {
        EndField();
        row(_cells);
        _cells.Clear();
        _any = false;
    }
}
