namespace Metering.Agent.Shipping;

/// <summary>A journalled batch on its way. It stands for the closed range <c>FirstSequence..Sequence</c>.</summary>
/// <param name="Bytes">The journal's protobuf bytes of a <c>UsageBatch</c>, at most 1 MiB.</param>
public sealed record OutgoingBatch(string Host, string Epoch, ulong FirstSequence, ulong Sequence, ReadOnlyMemory<byte> Bytes);
