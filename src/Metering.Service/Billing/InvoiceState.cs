namespace Metering.Service.Billing;

/// <summary>What became of a document since it was issued.</summary>
public sealed record InvoiceState
{
    /// <summary>The document's number.</summary>
    public string Id { get; init; } = "";

    /// <summary><c>issued</c>; <c>corrected</c>: a note refers to it; <c>voided</c>: a note took it back. What is not issued yet is a <c>draft</c>, and has no number.</summary>
    public string State { get; set; } = "issued";

    /// <summary>The number of the note that took it back.</summary>
    public string? VoidedBy { get; set; }

    public string? Reason { get; set; }

    public DateTimeOffset? VoidedAt { get; set; }

    /// <summary>The number of the invoice that was issued in its place.</summary>
    public string? ReplacedBy { get; set; }
}
