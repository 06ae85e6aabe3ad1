namespace Metering.Service.Alerts;

/// <summary>A crossing that has been recorded; its id is the event id of every delivery.</summary>
public sealed class Alert
{
    public string Id { get; set; } = "";

    public string Quota { get; set; } = "";

    public string? Tenant { get; set; }

    public long At { get; set; }

    /// <summary>The CloudEvents data object.</summary>
    public string Json { get; set; } = "{}";
}
