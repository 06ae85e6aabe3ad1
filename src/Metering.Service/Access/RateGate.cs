using System.Collections.Concurrent;

namespace Metering.Service.Access;

/// <summary>
/// Counts requests by whom they come from. A minute's worth may come at once, after that one by one as they are earned back (the generic cell rate algorithm: one instant per party is all that is kept).
/// Each replica counts for itself.
/// </summary>
internal sealed class RateGate(TimeProvider clock)
{
    // Beyond so many parties, new ones share one count: memory is bounded, whoever asks.
    private const int MaxParties = 20_000;
    private const string Others = "";

    private readonly ConcurrentDictionary<string, Party> _parties = new(StringComparer.Ordinal);
    private readonly long _start = clock.GetTimestamp();

    /// <summary>Counts one; how long to wait when there were too many, else null.</summary>
    public TimeSpan? Take(string who, long perMinute) => Try(who, perMinute, isTaken: true);

    /// <summary>How long to wait when there were too many already, else null; counts nothing.</summary>
    public TimeSpan? Look(string who, long perMinute) => Try(who, perMinute, isTaken: false);

    private TimeSpan? Try(string who, long perMinute, bool isTaken)
    {
        var now = clock.GetElapsedTime(_start).Ticks;
        var interval = Math.Max(1, TimeSpan.TicksPerMinute / perMinute);
        if (!_parties.TryGetValue(who, out var party))
        {
            if (!isTaken) return null;
            if (_parties.Count >= MaxParties) Forget(now);
            party = _parties.GetOrAdd(_parties.Count >= MaxParties ? Others : who, _ => new Party());
        }

        lock (party)
        {
            var earned = Math.Max(party.Earned, now);
            var wait = earned - now - (TimeSpan.TicksPerMinute - interval);
            if (wait > 0) return TimeSpan.FromTicks(wait);
            if (isTaken) party.Earned = earned + interval;
            return null;
        }
    }

    private void Forget(long now)
    {
        foreach (var (who, party) in _parties)
        {
            if (party.Earned <= now) _parties.TryRemove(who, out _);
        }
    }

    private sealed class Party
    {
        /// <summary>When all that was asked is earned back, in ticks since the start.</summary>
        public long Earned;
    }
}
