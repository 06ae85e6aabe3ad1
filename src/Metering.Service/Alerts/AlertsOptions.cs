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
}
