using System.Globalization;

namespace Metering.Service.TimeSeries;

/// <summary>
/// How far the batches of one agent are in the time series: all up to <see cref="Written"/> but those in <see cref="Holes"/>, which the ledger did not have yet.
/// It follows the numbers that the agent gave its batches and not the order in which rows were inserted: on PostgreSQL a transaction that began earlier may commit later, and a cursor over
/// a sequence or a time of arrival would be beyond its rows by then. Here a batch that is missing leaves a hole, whatever kept it: a transaction under way, or an agent that sends out of order.
/// </summary>
internal sealed record SeriesCursor(long Written, IReadOnlyList<SequenceRange> Holes)
{
    /// <summary>An agent with more holes waits until some close.</summary>
    public const int MaxHoles = 1_000;

    public static readonly SeriesCursor Start = new(0, []);

    /// <summary>What may have batches that are not written: the holes, then all after <see cref="Written"/> as far as the agent's last number.</summary>
    public IEnumerable<SequenceRange> Pending(long last) => Written < last && Holes.Count < MaxHoles ? Holes.Append(new SequenceRange(Written + 1, last)) : Holes;

    /// <summary>The cursor after batches were read and written.</summary>
    /// <param name="looks">The ranges of <see cref="Pending"/> that were looked at, what was found in each in order, and whether the range was read to its end.</param>
    /// <param name="committed">The agent's mark, of the same view of the ledger: what is missing up to it will not come any more.</param>
    public SeriesCursor After(IReadOnlyList<(SequenceRange Range, IReadOnlyList<SequenceRange> Found, bool Whole)> looks, long committed)
    {
        var written = Math.Max(Written, looks.SelectMany(look => look.Found).Select(found => found.Last).DefaultIfEmpty(0).Max());
        var looked = looks.Select(look => look.Range).ToHashSet();
        var holes = Holes.Where(hole => !looked.Contains(hole)).ToList();
        foreach (var (range, found, whole) in looks)
        {
            var from = range.First;
            foreach (var one in found)
            {
                Add(from, one.First - 1, isKnown: true);
                from = one.Last + 1;
            }

            Add(from, range.Last, whole);
        }

        return new SeriesCursor(written, [.. holes.OrderBy(hole => hole.First)]);

        void Add(long first, long last, bool isKnown)
        {
            last = Math.Min(last, written);
            if (first <= last && (!isKnown || last > committed)) holes.Add(new SequenceRange(first, last));
        }
    }

    public string HolesText => string.Join(',', Holes.Select(hole => string.Create(CultureInfo.InvariantCulture, $"{hole.First}-{hole.Last}")));

    public static SeriesCursor Parse(long written, string holes) => new(written, [.. holes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(hole =>
    {
        var dash = hole.IndexOf('-');
        return new SequenceRange(long.Parse(hole.AsSpan(0, dash), CultureInfo.InvariantCulture), long.Parse(hole.AsSpan(dash + 1), CultureInfo.InvariantCulture));
    })]);
}
