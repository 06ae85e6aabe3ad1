namespace Metering.Service.Quotas;

/// <summary>What is kept of a quota beside its states: the number of its last transition, which no id has twice even when the quota is removed and made again, and up to where it is judged.</summary>
/// <param name="JudgedTo">Unix seconds: minutes, or windows of <c>below</c>, that end by then are judged.</param>
/// <param name="Measured">See <see cref="CompiledQuota.Measured"/>.</param>
/// <param name="Basis">See <see cref="QuotaCatalogue.BasisOf"/>; empty: the figures are to be counted anew.</param>
internal sealed record QuotaClockRow(string Quota, long Number, long JudgedTo, string Measured, string Basis);
