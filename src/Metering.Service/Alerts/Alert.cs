namespace Metering.Service.Alerts;

/// <summary>A change of an alert's state that has been recorded; its id is the event id of every delivery.</summary>
public sealed class Alert
{
    public string Id { get; set; } = "";

    public string Quota { get; set; } = "";

    public string? Tenant { get; set; }

    public long At { get; set; }

    /// <summary>What all changes of one alert have in common.</summary>
    public string Key { get; set; } = "";

    /// <summary><c>pending</c>, <c>firing</c> or <c>resolved</c>.</summary>
    public string State { get; set; } = "firing";

    public string Severity { get; set; } = "warning";

    /// <summary>The silence that kept it from being sent; null: none did.</summary>
    public string? Silence { get; set; }

    /// <summary>The CloudEvents data object.</summary>
    public string Json { get; set; } = "{}";
}
