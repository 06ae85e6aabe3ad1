namespace Metering.Service.Alerts;

/// <summary>The <c>data</c> of <c>metering.quota.crossed</c>.</summary>
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

    /// <summary>The state that the quota is in now, such as <c>exceeded</c> or <c>resolved</c>.</summary>
    public required string State { get; init; }
}
