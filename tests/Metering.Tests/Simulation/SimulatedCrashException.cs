namespace Metering.Tests.Simulation;

/// <summary>The process ends here.</summary>
internal sealed class SimulatedCrashException : Exception;
