using System.Collections.Concurrent;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>How far the months are that this process closes now. Another replica's are not known here.</summary>
internal sealed class ClosingProgress
{
    private readonly ConcurrentDictionary<BillingPeriod, Step> _now = new();

    /// <param name="Stage"><c>checking</c>, <c>rating</c>, <c>correcting MONTH</c> or <c>issuing</c>, in this order; a month may be rated again when prices changed meanwhile.</param>
    /// <param name="Done">Seconds of the month that are rated, or charges that are stored.</param>
    /// <param name="Total">What <paramref name="Done"/> ends at; 0: not known.</param>
    public sealed record Step(string Stage, long Done, long Total);

    public Step? Of(BillingPeriod period) => _now.GetValueOrDefault(period);

    /// <summary>Steps of one closing, until it is disposed. Of two that close the same month at once the last to tell is shown.</summary>
    public Teller Begin(BillingPeriod period)
    {
        _now[period] = new Step("checking", 0, 0);
        return new Teller(this, period);
    }

    public sealed class Teller(ClosingProgress of, BillingPeriod period) : IProgress<Step>, IDisposable
    {
        public void Report(Step value) => of._now[period] = value;

        public void Dispose() => of._now.TryRemove(period, out _);
    }
}
