using System.Collections;
using System.Runtime.InteropServices;

namespace Metering.Service.Billing;

/// <summary>
/// Charges by the million: 56 bytes each where an object takes twice that, in pieces that are never copied. An entry is made each time that one is asked for. State: the pieces, the order, what few charges have beyond that.
/// </summary>
internal sealed class ChargeList : IReadOnlyList<ChargeEntry>
{
    private const int PieceBits = 13;
    private const int Piece = 1 << PieceBits;

    [StructLayout(LayoutKind.Auto)]
    private struct Packed
    {
        public ChargeHeading Heading;
        public Rest? Rest;
        public long Workload, Nano, Base, From;
        public int Seconds, Day;
    }

    // What few charges have: a number of their own, terms of a reservation, numbers that 64 bits do not hold.
    private sealed record Rest(long N, Int128 Nano, Int128 Base, Int128? Used, Int128? Reserved, long To);

    private readonly List<Packed[]> _pieces = [];
    private readonly List<string> _days = [];
    private readonly Dictionary<string, int> _dayOf = new(StringComparer.Ordinal);
    private readonly Dictionary<ChargeHeading, ChargeHeading> _headings = new(ReferenceEqualityComparer.Instance);
    private int[]? _order;
    private long _first;

    public int Count { get; private set; }

    public ChargeEntry this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            return Read(_order is null ? index : _order[index], _first == 0 ? 0 : _first + index);
        }
    }

    /// <summary>Before <see cref="SortAndNumber"/>.</summary>
    public void Add(ChargeEntry charge)
    {
        if (_order is not null) throw new InvalidOperationException("Charges are numbered; nothing can be added.");
        if (Count >> PieceBits == _pieces.Count) _pieces.Add(new Packed[Piece]);
        var (nano, quantity, seconds) = (unchecked((long)charge.Nano), unchecked((long)charge.Base), charge.To - charge.From);
        var whole = nano == charge.Nano && quantity == charge.Base && seconds == unchecked((int)seconds) && charge is { N: 0, Used: null, Reserved: null };
        At(Count) = new Packed
        {
            Heading = charge.Heading,
            Rest = whole ? null : new Rest(charge.N, charge.Nano, charge.Base, charge.Used, charge.Reserved, charge.To),
            Workload = charge.Workload,
            Nano = nano,
            Base = quantity,
            From = charge.From,
            Seconds = unchecked((int)seconds),
            Day = DayOf(charge.Day),
        };
        Count++;
    }

    /// <summary>The same for another document: of a period, by a cause.</summary>
    public void AddFor(ChargeEntry charge, string period, string cause)
    {
        if (!_headings.TryGetValue(charge.Heading, out var heading)) _headings[charge.Heading] = heading = charge.Heading with { Period = period, Cause = cause };
        Add(charge with { Heading = heading });
    }

    /// <summary>Puts them in the order in which they are issued, and numbers them.</summary>
    /// <param name="first">The first one's number.</param>
    public void SortAndNumber(long first)
    {
        var order = new int[Count];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        order.AsSpan().Sort(Compare);
        (_order, _first) = (order, first);
    }

    /// <summary>All of them, once, before they are sorted: what has been read is let go of, so that a million can be made into others without a second million beside it.</summary>
    public IEnumerable<ChargeEntry> Drain()
    {
        if (_order is not null) throw new InvalidOperationException("Charges are numbered; they stay.");
        var count = Count;
        Count = 0;
        for (var i = 0; i < count; i++)
        {
            yield return Read(i, 0);
            if ((i & (Piece - 1)) == Piece - 1) _pieces[i >> PieceBits] = [];
        }

        _pieces.Clear();
    }

    public IEnumerator<ChargeEntry> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int Compare(int a, int b)
    {
        ref readonly var one = ref At(a);
        ref readonly var other = ref At(b);
        var order = ChargeOrder.Compare((one.Heading, _days[one.Day], one.Workload, one.From), (other.Heading, _days[other.Day], other.Workload, other.From));
        return order == 0 && a != b ? ChargeOrder.Instance.Compare(Read(a, 0), Read(b, 0)) : order;
    }

    private ChargeEntry Read(int at, long n)
    {
        ref readonly var one = ref At(at);
        return one.Rest is not { } rest
            ? new ChargeEntry(one.Heading, _days[one.Day], one.Workload, one.Nano, one.Base, one.From, one.From + one.Seconds) { N = n }
            : new ChargeEntry(one.Heading, _days[one.Day], one.Workload, rest.Nano, rest.Base, one.From, rest.To) { N = n == 0 ? rest.N : n, Used = rest.Used, Reserved = rest.Reserved };
    }

    private ref Packed At(int index) => ref _pieces[index >> PieceBits][index & (Piece - 1)];

    private int DayOf(string day)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_dayOf, day, out var exists);
        if (!exists)
        {
            known = _days.Count;
            _days.Add(day);
        }

        return known;
    }
}
