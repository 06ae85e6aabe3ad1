using System.Diagnostics;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>Waits for something another process does, and says what it was when it does not come.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static Task HoldsAsync(Func<bool> condition, string what) => HoldsAsync(condition, () => what);

    public static async Task HoldsAsync(Func<bool> condition, Func<string> what, TimeSpan? within = null)
    {
        var limit = within ?? Limit;
        var began = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < limit, $"Within {limit.TotalSeconds} s: {what()}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
