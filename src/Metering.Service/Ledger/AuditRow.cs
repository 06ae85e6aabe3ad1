namespace Metering.Service.Ledger;

/// <summary>A row of the audit trail.</summary>
/// <param name="Number">Its place in the chain, from 1.</param>
/// <param name="At">Unix microseconds.</param>
/// <param name="Actor">The name of who did it, as people read it; not unique.</param>
/// <param name="Principal">The credential: <c>key:ID</c>, <c>oidc:SUBJECT</c>, <c>link</c> or <c>local</c>.</param>
/// <param name="Before">JSON; null: there was none.</param>
/// <param name="After">JSON; null: there is none.</param>
internal sealed record AuditRow(long Number, long At, string Actor, string Principal, string Action, string Subject, string? Before, string? After);
