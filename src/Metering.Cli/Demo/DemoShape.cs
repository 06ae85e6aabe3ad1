namespace Metering.Cli.Demo;

/// <summary>How the use of a workload goes with the hour.</summary>
internal enum DemoShape
{
    Steady,
    Office,
    Evening,

    /// <summary>Runs from 1 to 5 o'clock, and does not exist at other hours.</summary>
    Nightly,
}
