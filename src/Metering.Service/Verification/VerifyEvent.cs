namespace Metering.Service.Verification;

/// <summary>One line of a verification. The last one has <see cref="Done"/> set; a stream without it was cut off and proves nothing.</summary>
/// <param name="Check">The check that speaks.</param>
/// <param name="Seen">Batches, or rows, that the check has looked at.</param>
/// <param name="Total">How many there were when it began; more may come meanwhile.</param>
public sealed record VerifyEvent(string Check, long Seen, long Total)
{
    /// <summary>Worth knowing, and no fault: batches in quarantine, records without readings.</summary>
    public string? Note { get; init; }

    /// <summary>A fault. There may be several; each check stops at its tenth.</summary>
    public Discrepancy? Discrepancy { get; init; }

    /// <summary>The end: how everything came out.</summary>
    public VerifySummary? Done { get; init; }
}
