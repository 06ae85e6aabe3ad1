using System.Diagnostics.Metrics;

namespace Metering.Service.TimeSeries;

/// <summary>How it goes with the time series, for people and for metrics.</summary>
internal sealed class SeriesState(TimeProvider clock)
{
    private static readonly Meter Meter = new("Metering.TimeSeries");
    private static readonly Counter<long> Points = Meter.CreateCounter<long>("metering_timeseries_points", unit: null, description: "Points that the time series database has taken.");
    private static readonly Counter<long> Requests = Meter.CreateCounter<long>("metering_timeseries_requests", unit: null, description: "Requests to the time series database, by outcome.");
    private static readonly Counter<long> Parked = Meter.CreateCounter<long>("metering_timeseries_parked", unit: null, description: "Points that the time series database has refused.");

    private readonly Lock _gate = new();
    private string? _trouble;
    private DateTimeOffset? _since;
    private DateTimeOffset _current = clock.GetUtcNow();
    private long _points;

    /// <summary>What keeps points from being written, since when, and whether a person has to put it right.</summary>
    public (string? Trouble, DateTimeOffset? Since) Trouble
    {
        get
        {
            lock (_gate) return (_trouble, _since);
        }
    }

    /// <summary>When the series last had all that the ledger has; at first the start of the service.</summary>
    public DateTimeOffset CurrentAt
    {
        get
        {
            lock (_gate) return _current;
        }
    }

    /// <summary>Points taken since the start of the service.</summary>
    public long Written => Interlocked.Read(ref _points);

    /// <summary>Series that are there from the start: an alert on their growth sees the first one.</summary>
    public static void Begin()
    {
        foreach (var outcome in Enum.GetNames<WriteOutcome>()) Requests.Add(0, new KeyValuePair<string, object?>("outcome", outcome.ToLowerInvariant()));
        Parked.Add(0);
        Points.Add(0);
    }

    public void Asked(WriteOutcome outcome, int lines)
    {
        Requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome.ToString().ToLowerInvariant()));
        if (outcome != WriteOutcome.Accepted) return;
        Points.Add(lines);
        Interlocked.Add(ref _points, lines);
        lock (_gate) (_trouble, _since) = (null, null);
    }

    /// <summary>True when this was not known: it is to be told once.</summary>
    public bool Waits(string reason)
    {
        lock (_gate)
        {
            var isNew = _trouble != reason;
            (_trouble, _since) = (reason, _since ?? clock.GetUtcNow());
            return isNew;
        }
    }

    public void IsCurrent()
    {
        lock (_gate) _current = clock.GetUtcNow();
    }

    public static void HasParked(int lines) => Parked.Add(lines);
}
