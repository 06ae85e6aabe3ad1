using FsCheck;
using FsCheck.Fluent;
using Metering.Service.TimeSeries;
using Xunit;

namespace Metering.Tests.TimeSeries;

public sealed class SeriesCursorTests
{
    [Fact]
    public void What_is_missing_is_a_hole_and_is_looked_at_again()
    {
        var cursor = SeriesCursor.Start.After([(new(1, 9), [new(1, 1), new(4, 6), new(9, 9)], true)], committed: 1);

        Assert.Equal((9, "2-3,7-8"), (cursor.Written, cursor.HolesText));
        Assert.Equal([new(2, 3), new(7, 8)], cursor.Pending(9));
        Assert.Equal([new(2, 3), new(7, 8), new(10, 12)], cursor.Pending(12));

        cursor = cursor.After([(new(2, 3), [new(2, 3)], true), (new(7, 8), [new(8, 8)], true)], committed: 6);
        Assert.Equal((9, "7-7"), (cursor.Written, cursor.HolesText));
        Assert.Equal("7-7", SeriesCursor.Parse(9, cursor.HolesText).HolesText);
    }

    [Fact]
    public void A_range_that_was_not_read_to_its_end_stays_pending_even_below_the_mark()
    {
        var cursor = new SeriesCursor(9, [new SequenceRange(2, 8)]).After([(new(2, 8), [new(2, 3)], false)], committed: 9);

        Assert.Equal("4-8", cursor.HolesText);
        Assert.Equal("", cursor.After([(new(4, 8), [], true)], committed: 9).HolesText);
    }

    [Fact]
    public void An_agent_with_too_many_holes_waits()
    {
        var cursor = new SeriesCursor(5_000, [.. Enumerable.Range(1, SeriesCursor.MaxHoles).Select(i => new SequenceRange(2 * i, 2 * i))]);

        Assert.Equal(SeriesCursor.MaxHoles, cursor.Pending(9_999).Count());
    }

    [Fact]
    public void In_whatever_order_batches_become_visible_each_is_read_once()
    {
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1)), seed =>
        {
            var random = new Random(seed);
            var all = new List<SequenceRange>();
            for (long at = 1; all.Count < 30; at = all[^1].Last + 1) all.Add(new SequenceRange(at, at + random.Next(3)));
            var waiting = all.OrderBy(range => range.First + random.Next(12)).ToList();
            var (visible, read, cursor) = (new List<SequenceRange>(), new List<SequenceRange>(), SeriesCursor.Start);
            for (var quiet = 0; quiet < 3;)
            {
                var arrived = waiting.Take(random.Next(4)).ToList();
                waiting.RemoveRange(0, arrived.Count);
                visible.AddRange(arrived);
                var before = read.Count;
                cursor = Look(cursor, visible, read, random.Next(1, 6));
                cursor = SeriesCursor.Parse(cursor.Written, cursor.HolesText);
                quiet = waiting.Count == 0 && read.Count == before ? quiet + 1 : 0;
            }

            return read.Order(Comparer<SequenceRange>.Create((a, b) => a.First.CompareTo(b.First))).SequenceEqual(all) && cursor.Holes.Count == 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    // One round of the reader over what is visible, with room for so many batches.
    private static SeriesCursor Look(SeriesCursor cursor, List<SequenceRange> visible, List<SequenceRange> read, int room)
    {
        var committed = 0L;
        while (visible.Find(range => range.First == committed + 1) is { Last: > 0 } next) committed = next.Last;
        var looks = new List<(SequenceRange, IReadOnlyList<SequenceRange>, bool)>();
        foreach (var range in cursor.Pending(visible.Select(one => one.Last).DefaultIfEmpty(0).Max()))
        {
            if (room == 0) break;
            var there = visible.Where(one => one.First >= range.First && one.Last <= range.Last).OrderBy(one => one.First).ToList();
            var found = there.Take(room).ToList();
            room -= found.Count;
            read.AddRange(found);
            looks.Add((range, found, found.Count == there.Count));
        }

        return cursor.After(looks, committed);
    }
}
