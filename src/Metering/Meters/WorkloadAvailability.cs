namespace Metering.Meters;

/// <summary>
/// How a workload says that a family of meters which its host has is not, or not wholly, metered for it: a reserved label, <c>metering.network</c> = <c>unavailable: host network, …</c>.
/// At most one for each <see cref="MeterFamily"/>; what is as on the host has none.
/// </summary>
public static class WorkloadAvailability
{
    public const string LabelPrefix = "metering.";
}
