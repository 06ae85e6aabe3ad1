using Metering.Agent.Shipping;

namespace Metering.Tests.Simulation;

/// <summary>A batch that the broker holds.</summary>
internal sealed record SimulatedMessage(SimulatedHost From, OutgoingBatch Batch);
