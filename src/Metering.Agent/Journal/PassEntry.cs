using Metering.Agent.Accounting;

namespace Metering.Agent.Journal;

/// <summary>What one journal transaction stores: the pass's batches and the baselines they end at.</summary>
/// <param name="State">Bytes of <see cref="StateCodec"/>.</param>
/// <param name="WholeState">True when the bytes hold all nodes, so that earlier ones can go.</param>
internal sealed record PassEntry(IReadOnlyList<EncodedBatch> Batches, byte[] State, bool WholeState, long PassMicroseconds, string BootId);
