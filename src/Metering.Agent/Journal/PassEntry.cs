using Metering.Agent.Accounting;

namespace Metering.Agent.Journal;

/// <summary>What one journal transaction stores: the pass's batches and the baselines they end at.</summary>
/// <param name="State">Bytes of <see cref="StateCodec"/>.</param>
/// <param name="WholeState">True when the bytes hold all nodes, so that earlier ones can go.</param>
/// <param name="BootMicroseconds">The clock since boot when the pass began.</param>
/// <param name="Before">What the first pass of an epoch found; null in later ones.</param>
internal sealed record PassEntry(IReadOnlyList<EncodedBatch> Batches, byte[] State, bool WholeState, long PassMicroseconds, string BootId, long BootMicroseconds = 0, BeforeMetering? Before = null);
