namespace Metering.Meters;

/// <summary>The kernel controller, or other source, that a meter is read from. Availability is decided per family.</summary>
public enum MeterFamily
{
    Cpu,
    Memory,
    Io,
    Pids,
    Network,
    Reservation,
    Pressure,
    HugePages,
    Lifetime,
}
