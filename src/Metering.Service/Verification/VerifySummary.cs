namespace Metering.Service.Verification;

/// <summary>How a verification ended.</summary>
/// <param name="Ok">No discrepancy.</param>
/// <param name="Batches">Receipts that were looked at.</param>
/// <param name="Rows">Rows of <c>usage</c> that were recomputed.</param>
public sealed record VerifySummary(bool Ok, long Batches, long Records, long Rows, int Discrepancies, Discrepancy? First);
