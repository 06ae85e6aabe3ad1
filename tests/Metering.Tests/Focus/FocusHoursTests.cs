using Metering.Service.Focus;
using Metering.Service.Ledger;
using Xunit;

namespace Metering.Tests.Focus;

/// <summary>How many rows are announced for an export by hours.</summary>
public sealed class FocusHoursTests
{
    private const long Month = 30 * 86_400;

    [Theory]
    [InlineData(3_600, long.MaxValue, 7_200, 7_200)]
    [InlineData(900, long.MaxValue, 7_200, 1_800)]
    [InlineData(3_600, 0, 7_200, 1_800)]
    [InlineData(3_600, Month / 2, 5_000, 2_000)]
    [InlineData(86_400, long.MaxValue, 300, 300)]
    public void Quarter_hours_are_announced_as_the_hours_that_come(long coarse, long fineFrom, long rows, long expected) => Assert.Equal(expected, FocusHours.Expected(rows, new LedgerGrain(coarse, fineFrom), 0, Month));
}
