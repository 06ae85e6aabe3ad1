using System.ComponentModel.DataAnnotations;

namespace Metering.Service.Alerts;

/// <summary>What an operator decides about alerts.</summary>
public sealed class AlertsOptions
{
    public const string Section = "Alerts";

    /// <summary>
    /// Receivers in private networks, which are refused otherwise: networks (<c>10.1.0.0/16</c>), addresses (<c>127.0.0.1</c>, any port),
    /// hosts (<c>hooks.internal</c>, the usual ports) and either with a port (<c>hooks.internal:9000</c>, <c>[::1]:9000</c>). Default: none.
    /// </summary>
    public IReadOnlyList<string> AllowedAddresses { get; set; } = [];

    /// <summary>Seconds for one attempt, from the look-up of the name to the last byte that is read. Default 15, as Standard Webhooks proposes; 1 to 60.</summary>
    [Range(0.1, 60)]
    public double TimeoutSeconds { get; set; } = 15;

    /// <summary>Where channel <c>log</c> writes its files. Default DATA/alerts.</summary>
    public string LogDirectory { get; set; } = "alerts";

    /// <summary>How long deliveries that are done are kept. Default 90 days.</summary>
    public TimeSpan Keep { get; set; } = TimeSpan.FromDays(90);

    public TimeSpan Timeout => TimeSpan.FromSeconds(TimeoutSeconds);

    /// <summary>Reads the settings; the addresses are read by <see cref="AddressPolicy"/>.</summary>
    public static AlertsOptions From(Configuration.Settings settings, string dataDirectory) => new()
    {
        LogDirectory = settings.Text("Alerts:LogDirectory") is { } path ? Path.GetFullPath(path) : Path.Combine(dataDirectory, "alerts"),
        Keep = settings.Time("Alerts:Keep", TimeSpan.FromDays(90), TimeSpan.FromDays(1), TimeSpan.FromDays(3650)),
    };
}
