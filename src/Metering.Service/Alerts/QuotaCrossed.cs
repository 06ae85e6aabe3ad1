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

    /// <summary>The state that the alert is in now: <c>pending</c>, <c>firing</c> or <c>resolved</c>. Pending is recorded and told nobody.</summary>
    public required string State { get; init; }

    /// <summary>What kind of alert it is: <c>quota</c>, <c>forecast</c>, <c>starved</c>.</summary>
    public string Type { get; init; } = "quota";

    /// <summary><c>critical</c>, <c>error</c>, <c>warning</c> or <c>info</c>; null: critical from 100 % on, else a warning.</summary>
    public string? Severity { get; init; }

    /// <summary>Labels that the quota gives, beside those of the alert itself (tenant, project, quota, meter, threshold, type, severity).</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Counts the changes of state of this alert, from 1; 0 where nobody counts.</summary>
    public long Transition { get; init; }

    /// <summary>What firing and resolved have in common; null: made of type, quota, threshold and subject.</summary>
    public string? Key { get; init; }

    internal string SeverityOrDefault() => Severity ?? (Threshold >= 100 ? "critical" : "warning");
}
