namespace Metering.Service.Audit;

/// <summary>Changes, newest first.</summary>
/// <param name="NextCursor">For the older ones; null: there are none.</param>
public sealed record AuditPage(IReadOnlyList<AuditEntry> Entries, string? NextCursor);
