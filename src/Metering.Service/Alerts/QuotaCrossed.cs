namespace Metering.Service.Alerts;

/// <summary>The <c>data</c> of <c>metering.quota.crossed</c>: an alert of a quota has changed its state.</summary>
public sealed record QuotaCrossed
{
    /// <summary>The id of the quota.</summary>
    public required string Quota { get; init; }

    /// <summary>What the quota is about, such as <c>tenant</c> = <c>a</c>.</summary>
    public required IReadOnlyDictionary<string, string> Subject { get; init; }

    /// <summary>The API name of the meter, or <c>cost</c>.</summary>
    public required string Meter { get; init; }

    /// <summary>The first instant of the window.</summary>
    public required DateTimeOffset WindowStart { get; init; }

    /// <summary>The first instant after the window.</summary>
    public required DateTimeOffset WindowEnd { get; init; }

    /// <summary>The threshold that was crossed, in percent or absolute as the quota states it.</summary>
    public required decimal Threshold { get; init; }

    /// <summary>The limit, in the unit of the meter.</summary>
    public required decimal Limit { get; init; }

    /// <summary>What was used when the threshold was crossed, in the unit of the meter.</summary>
    public required decimal Value { get; init; }

    /// <summary>The state that the threshold is in now: <c>firing</c> or <c>resolved</c>. <c>pending</c> is recorded and told nobody.</summary>
    public required string State { get; init; }

    /// <summary>What the value is: <c>usage</c>, <c>rate</c>, <c>forecast</c> or <c>starved</c>.</summary>
    public string Kind { get; init; } = "usage";

    /// <summary>What the threshold is stated in: <c>percent</c> of the limit, or as an <c>amount</c>.</summary>
    public string ThresholdIn { get; init; } = "percent";

    /// <summary><c>above</c>: the value reached the threshold; <c>below</c>: it fell under it.</summary>
    public string Direction { get; init; } = "above";

    /// <summary><c>info</c>, <c>warning</c>, <c>error</c> or <c>critical</c>.</summary>
    public string Severity { get; init; } = "warning";

    /// <summary>What the quota says for routing, beside the labels of the alert itself (tenant, project, quota, meter, threshold, kind, type, severity).</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Counts the transitions of the quota, from 1.</summary>
    public long Transition { get; init; }

    /// <summary>Of a forecast: when the threshold will be reached; null: not foreseen.</summary>
    public DateTimeOffset? PredictedAt { get; init; }

    /// <summary>What firing and resolved have in common, and two alerts never; null: made of quota, kind, threshold and subject, for which one window at a time fires.</summary>
    public string? Key { get; init; }
}
