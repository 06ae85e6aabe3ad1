using Metering.Agent.Accounting;
using Metering.Safety;
using Xunit;

namespace Metering.Tests.Accounting;

public sealed class MemoryStateTests
{
    [Fact]
    public void A_level_held_for_a_time_is_level_times_time()
    {
        var memory = new MemoryState();

        memory.Observe(1_000_000, 0, SafetyRule.All);
        memory.Observe(1_000_000, 10_000_000, SafetyRule.All);

        Assert.Equal(10_000_000UL, memory.Account.Used);
    }

    [Fact]
    public void A_rise_is_integrated_along_a_straight_line()
    {
        var memory = new MemoryState();

        memory.Observe(0, 0, SafetyRule.All);
        memory.Observe(1000, 10_000_000, SafetyRule.All);

        Assert.Equal(5_000UL, memory.Account.Used);
    }

    [Fact]
    public void Fractions_of_a_byte_second_are_kept_between_passes()
    {
        var memory = new MemoryState();
        memory.Observe(1, 0, SafetyRule.All);

        for (var i = 1; i <= 30; i++) memory.Observe(1, i * 100_000L, SafetyRule.All);

        Assert.Equal(3UL, memory.Account.Used);
    }

    [Fact]
    public void A_terabyte_for_a_year_does_not_overflow_a_row()
    {
        var memory = new MemoryState();

        memory.Observe(1UL << 40, 0, SafetyRule.All);
        memory.Observe(1UL << 40, 86_400_000_000L * 100, SafetyRule.All);

        Assert.Equal((1UL << 40) * 86_400 * 100, memory.Account.Used);
    }
}
