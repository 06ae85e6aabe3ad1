namespace Metering.Service.Alerts;

/// <summary>When a failed delivery is tried again: the schedule of Standard Webhooks, ten attempts over a little more than three days.</summary>
/// <param name="random">Jitter: deliveries that failed together must not come back together.</param>
public sealed class RetrySchedule(Random random)
{
    /// <summary>Share of a delay that jitter may add. It never shortens one: "5 s" is a promise to the receiver.</summary>
    public const double MaxJitter = 0.1;

    private readonly Lock gate = new();

    /// <summary>The delay before each attempt, counted from the end of the one before.</summary>
    public static IReadOnlyList<TimeSpan> Delays { get; } =
    [
        TimeSpan.Zero, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2),
        TimeSpan.FromHours(5), TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20), TimeSpan.FromHours(24),
    ];

    /// <summary>The wait before the next attempt; null when none is left and the delivery is dead.</summary>
    /// <param name="attempts">Attempts made so far; 0 for a delivery that was never tried.</param>
    /// <param name="retryAfter">What the receiver asked for; it can lengthen a wait and never shorten it.</param>
    public TimeSpan? Next(int attempts, TimeSpan? retryAfter = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(attempts);
        if (attempts >= Delays.Count) return null;
        var delay = Delays[attempts];
        if (retryAfter > delay) delay = retryAfter.Value;
        return delay + delay * (MaxJitter * NextDouble());
    }

    private double NextDouble()
    {
        lock (gate) return random.NextDouble();
    }
}
