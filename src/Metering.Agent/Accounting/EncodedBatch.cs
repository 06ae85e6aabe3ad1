namespace Metering.Agent.Accounting;

/// <summary>A <c>UsageBatch</c> as protobuf bytes, with what the journal indexes it by.</summary>
internal sealed record EncodedBatch(ulong FirstSequence, ulong Sequence, long StartMicroseconds, long EndMicroseconds, byte[] Bytes);
