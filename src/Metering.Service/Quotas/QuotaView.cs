namespace Metering.Service.Quotas;

/// <summary>A quota with its present figure.</summary>
/// <param name="EffectiveLimit">The limit, or the plan's.</param>
/// <param name="State">The highest state of its thresholds: <c>firing</c>, <c>pending</c>, <c>ok</c>; <c>paused</c> when none fires and none may begin.</param>
/// <param name="Value">Used in the open window, the rate of the last minute judged, or what is forecast, in the unit of the limit; null: unknown.</param>
/// <param name="Percent">Of the limit.</param>
/// <param name="Fired">Thresholds that are firing, as the quota states them.</param>
/// <param name="Forecast">What the window ends at, at the mean rate since its beginning, or at the burn rates of a forecast; null where no window ends.</param>
/// <param name="Enforce">What is done to its workloads while it is over.</param>
/// <param name="Holds">Quotas of the tenant's projects for the same, which this one holds.</param>
/// <param name="Currency">Of a cost, ISO 4217; null: it is none, or nobody that it counts has a price book.</param>
internal sealed record QuotaView(
    string Id, QuotaSubject Subject, string Kind, string Meter, string Window, decimal? Limit, string? Plan, decimal EffectiveLimit, IReadOnlyList<decimal> Thresholds, IReadOnlyList<decimal> Amounts,
    string Direction, decimal Hysteresis, string? For, string? Grace, string? ShortBurn, string? LongBurn, bool Paused, DateTimeOffset? PausedUntil, string Severity, IReadOnlyDictionary<string, string> Labels,
    IReadOnlyList<string> Notify, string State, decimal? Value, decimal? Percent, IReadOnlyList<string> Fired, DateTimeOffset WindowStart, DateTimeOffset WindowEnd, decimal? Forecast, DateTimeOffset? PredictedAt,
    IReadOnlyList<string> Holds, QuotaEnforcement? Enforce, string? Currency);
