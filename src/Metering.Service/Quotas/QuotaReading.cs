namespace Metering.Service.Quotas;

/// <summary>What a quota's figure is for a stretch of time.</summary>
/// <param name="From">Unix seconds; where the figure is one of an instant, the same as <paramref name="To"/>.</param>
/// <param name="Value">In the unit of the limit; null: unknown, which decides nothing.</param>
internal sealed record QuotaReading(long From, long To, long WindowStart, long WindowEnd, decimal? Value)
{
    /// <summary>The window has ended, and what agents had of it has come.</summary>
    public bool IsClosed { get; init; }

    /// <summary>Of a forecast: what is used so far, and the rate by the second that the value goes by.</summary>
    public decimal Used { get; init; }

    public decimal PerSecond { get; init; }

    /// <summary>When a forecast reaches the amount, Unix seconds; null: not in this window, or this is no forecast.</summary>
    public long? Reaches(decimal amount)
    {
        if (PerSecond <= 0) return null;
        if (amount <= Used) return To;
        var seconds = decimal.Ceiling((amount - Used) / PerSecond);
        return seconds <= WindowEnd - To + 1 ? Math.Min(To + (long)seconds, WindowEnd) : null;
    }
}
