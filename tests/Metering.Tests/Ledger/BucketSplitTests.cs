using Metering.Service.Ledger;
using Xunit;

namespace Metering.Tests.Ledger;

public sealed class BucketSplitTests
{
    private const long Second = 1_000_000;

    [Fact]
    public void A_window_within_a_bucket_is_one_part_even_at_its_bounds()
    {
        Assert.Equal(3600, Assert.Single(BucketSplit.Of(3600 * Second, 7200 * Second, 3600)).Bucket);
        Assert.Equal(3600, Assert.Single(BucketSplit.Of(3600 * Second, 3600 * Second, 3600)).Bucket);
    }

    [Fact]
    public void Shares_add_up_to_the_whole_for_any_window()
    {
        var random = new Random(2);
        for (var i = 0; i < 5_000; i++)
        {
            var start = random.NextInt64(0, 100_000 * Second);
            var parts = BucketSplit.Of(start, start + random.NextInt64(1, 40_000 * Second), 900);
            var quantity = random.NextInt64(0, 1L << 55);

            Assert.Equal(quantity, parts.Sum(part => part.Share(quantity)));
            Assert.All(parts, part => Assert.True(part.Share(quantity) >= 0));
            Assert.Equal(parts.Length, parts.Select(part => part.Bucket).Distinct().Count());
        }
    }

    [Fact]
    public void A_year_of_absence_is_no_year_of_rows_and_still_adds_up()
    {
        var parts = BucketSplit.Of(17 * Second, 366L * 86_400 * Second, 900);

        Assert.Equal(24 * 62, parts.Length);
        Assert.Equal(366L * 86_400 - 900, parts[^1].Bucket);
        Assert.Equal((1L << 50) + 1, parts.Sum(part => part.Share((1L << 50) + 1)));
    }

    [Fact]
    public void Two_hours_and_a_half_lie_in_three_buckets_by_time()
    {
        var parts = BucketSplit.Of(1800 * Second, (1800 + 9000) * Second, 3600);

        Assert.Equal([0L, 3600L, 7200L], parts.Select(part => part.Bucket));
        Assert.Equal([1800L, 3600L, 3600L], parts.Select(part => part.Share(9000)));
    }
}
