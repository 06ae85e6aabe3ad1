namespace Metering.Service.Quotas;

/// <summary>A quota as given to <c>PUT /v1/quotas/{id}</c>. Durations are texts such as <c>10m</c>, <c>24h</c>, <c>7d</c>.</summary>
public sealed record Quota
{
    /// <summary>Whose usage counts.</summary>
    public QuotaSubject Subject { get; init => field = value ?? new(); } = new();

    /// <summary><c>usage</c> of a window, <c>rate</c> by the second, <c>forecast</c> of a window's end, <c>starved</c> (percent of the time that reserved CPU was waited for).</summary>
    public string Kind { get; init => field = value ?? "usage"; } = "usage";

    /// <summary>API name of a meter, or <c>cost</c>; left out for <c>starved</c>.</summary>
    public string Meter { get; init => field = value ?? ""; } = "";

    /// <summary><c>hour</c>, <c>day</c>, <c>week</c> or <c>month</c>, in the tenant's zone, or <c>rolling 24h</c>. Rates have none.</summary>
    public string Window { get; init => field = value ?? "month"; } = "month";

    /// <summary>In the meter's API unit (seconds, bytes, …), per second for rates, in the currency for <c>cost</c> (an hour for rates), in percent for <c>starved</c>.</summary>
    public decimal? Limit { get; init; }

    /// <summary>Instead of a limit: an entry of a plan, such as <c>gold/cpu</c>.</summary>
    public string? Plan { get; init; }

    /// <summary>Percent of the limit.</summary>
    public IReadOnlyList<decimal> Thresholds { get; init => field = value ?? [100]; } = [100];

    /// <summary>Thresholds in the unit of the limit.</summary>
    public IReadOnlyList<decimal> Amounts { get; init => field = value ?? []; } = [];

    /// <summary><c>above</c>: at or above a threshold; <c>below</c>: less than it.</summary>
    public string Direction { get; init => field = value ?? "above"; } = "above";

    /// <summary>Percent of a threshold by which the figure has to come back before it is resolved.</summary>
    public decimal Hysteresis { get; init; }

    /// <summary>How long it must hold without a break.</summary>
    public string? For { get; init; }

    /// <summary>How long it is tolerated after that.</summary>
    public string? Grace { get; init; }

    /// <summary>The two spans whose mean rates a forecast goes by; both must foretell it. 1 h and 6 h when left out.</summary>
    public string? ShortBurn { get; init; }

    public string? LongBurn { get; init; }

    /// <summary>What is done to its workloads while it is over; null: nothing.</summary>
    public QuotaEnforcement? Enforce { get; init; }

    /// <summary>Counts, but begins no alert.</summary>
    public bool Paused { get; init; }

    /// <summary>The same until an instant.</summary>
    public DateTimeOffset? PausedUntil { get; init; }

    /// <summary><c>info</c>, <c>warning</c> or <c>critical</c>.</summary>
    public string Severity { get; init => field = value ?? "warning"; } = "warning";

    /// <summary>Carried by every alert, for routing.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init => field = value ?? new Dictionary<string, string>(); } = new Dictionary<string, string>();

    /// <summary>Ids of webhooks.</summary>
    public IReadOnlyList<string> Notify { get; init => field = value ?? []; } = [];
}
