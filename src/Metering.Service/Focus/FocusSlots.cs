using System.Runtime.InteropServices;

namespace Metering.Service.Focus;

/// <summary>What a rule over the file keeps for one key. Intervals that touch become one, so that a workload that runs on costs one entry.</summary>
internal sealed class FocusSlots
{
    public byte[]? Value { get; set; }

    public Int128 Sum { get; set; }

    public Int128 Other { get; set; }

    public long Row { get; init; }

    private readonly List<(long Start, long End)> _intervals = [];

    /// <summary>False when it overlaps what is there.</summary>
    public bool Take(long start, long end)
    {
        var spans = CollectionsMarshal.AsSpan(_intervals);
        var at = spans.Length;
        while (at > 0 && spans[at - 1].Start > start) at--;
        if ((at > 0 && spans[at - 1].End > start) || (at < spans.Length && spans[at].Start < end)) return false;
        var (before, after) = (at > 0 && spans[at - 1].End == start, at < spans.Length && spans[at].Start == end);
        if (before && after)
        {
            spans[at - 1].End = spans[at].End;
            _intervals.RemoveAt(at);
        }
        else if (before)
        {
            spans[at - 1].End = end;
        }
        else if (after)
        {
            spans[at].Start = start;
        }
        else
        {
            _intervals.Insert(at, (start, end));
        }

        return true;
    }
}
