using System.Buffers.Text;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>
/// Writes CSV (RFC 4180, UTF-8, no byte order mark, lines end with CR LF) without garbage. Null is an empty field. Texts are written as they are: a consumer computes with them, and an apostrophe before
/// what a spreadsheet would take for a formula would be another value. State: one buffer; one owner.
/// </summary>
internal sealed class FocusCsv(PipeWriter output)
{
    private const int FlushAt = 64 * 1024;
    private byte[] _buffer = new byte[FlushAt * 2];
    private int _at;
    private bool _inRow;

    public long Rows { get; private set; }

    /// <summary>True when enough is at hand that <see cref="FlushAsync"/> should be called.</summary>
    public bool IsFull => _at >= FlushAt;

    /// <summary>The bytes of a field: quoted where it needs to be.</summary>
    public static byte[] Field(string? text)
    {
        if (string.IsNullOrEmpty(text)) return [];
        return Encoding.UTF8.GetBytes(text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"");
    }

    public void Text(byte[] field)
    {
        Next(field.Length);
        field.CopyTo(_buffer, _at);
        _at += field.Length;
    }

    public void Text(string? text) => Text(Field(text));

    public void Null() => Next(0);

    public void Flag(bool value) => Text(value ? True : []);

    public void Whole(long value) => Number(value, 0);

    public void Amount(Amount amount) => Number(amount.Units, Rating.Amount.Places);

    /// <summary>A number of 10 to the power of −<paramref name="scale"/>, without trailing zeros.</summary>
    public void Number(Int128 units, int scale)
    {
        Next(48);
        _at += Format(_buffer.AsSpan(_at), units, scale);
    }

    public void Number(Int128 units, int scale, bool has)
    {
        if (has) Number(units, scale);
        else Next(0);
    }

    /// <summary>Unix seconds as an instant.</summary>
    public void Time(long seconds)
    {
        Next(20);
        var to = _buffer.AsSpan(_at, 20);
        var days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400;
        if (days != _day) (_day, _date) = (days, Encoding.ASCII.GetBytes(DateTimeOffset.FromUnixTimeSeconds(days * 86_400).ToString("yyyy-MM-dd'T'", CultureInfo.InvariantCulture)));
        _date.CopyTo(to);
        var rest = (int)(seconds - days * 86_400);
        Two(to[11..], rest / 3600);
        to[13] = (byte)':';
        Two(to[14..], rest / 60 % 60);
        to[16] = (byte)':';
        Two(to[17..], rest % 60);
        to[19] = (byte)'Z';
        _at += 20;
    }

    public void EndRow()
    {
        Room(2);
        _buffer[_at++] = (byte)'\r';
        _buffer[_at++] = (byte)'\n';
        (_inRow, Rows) = (false, Rows + 1);
    }

    /// <summary>Hands on what is at hand and waits while the reader is behind.</summary>
    public async ValueTask FlushAsync(CancellationToken cancel)
    {
        if (_at == 0) return;
        await output.WriteAsync(_buffer.AsMemory(0, _at), cancel);
        _at = 0;
    }

    /// <summary>Digits of a number of 10 to the power of −scale; at most 48 bytes.</summary>
    internal static int Format(Span<byte> to, Int128 units, int scale)
    {
        var at = 0;
        var magnitude = units < 0 ? (UInt128)(-units) : (UInt128)units;
        if (units < 0) to[at++] = (byte)'-';
        Span<byte> digits = stackalloc byte[40];
        var count = Digits(digits, magnitude);
        if (scale == 0)
        {
            digits[..count].CopyTo(to[at..]);
            return at + count;
        }

        // The part after the point, led by zeros and without those at its end.
        var whole = count - scale;
        if (whole > 0)
        {
            digits[..whole].CopyTo(to[at..]);
            at += whole;
        }
        else
        {
            to[at++] = (byte)'0';
        }

        var fraction = whole > 0 ? digits[whole..count] : digits[..count];
        fraction = fraction[..(fraction.LastIndexOfAnyExcept((byte)'0') + 1)];
        if (fraction.IsEmpty) return at;
        to[at++] = (byte)'.';
        for (var i = whole; i < 0; i++) to[at++] = (byte)'0';
        fraction.CopyTo(to[at..]);
        return at + fraction.Length;
    }

    private static int Digits(Span<byte> to, UInt128 magnitude)
    {
        const ulong Half = 10_000_000_000_000_000_000;
        if (magnitude <= ulong.MaxValue)
        {
            Utf8Formatter.TryFormat((ulong)magnitude, to, out var short_);
            return short_;
        }

        var (high, low) = UInt128.DivRem(magnitude, Half);
        Utf8Formatter.TryFormat((ulong)high, to, out var written);
        Utf8Formatter.TryFormat((ulong)low, to[written..], out _, new System.Buffers.StandardFormat('D', 19));
        return written + 19;
    }

    private static readonly byte[] True = "true"u8.ToArray();
    private long _day = long.MinValue;
    private byte[] _date = [];

    private static void Two(Span<byte> to, int value)
    {
        to[0] = (byte)('0' + value / 10);
        to[1] = (byte)('0' + value % 10);
    }

    private void Next(int length)
    {
        Room(length + 1);
        if (_inRow) _buffer[_at++] = (byte)',';
        _inRow = true;
    }

    private void Room(int length)
    {
        if (_at + length > _buffer.Length) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _at + length));
    }
}
