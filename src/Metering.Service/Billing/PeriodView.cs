namespace Metering.Service.Billing;

/// <summary>A period as far as the caller may see it.</summary>
/// <param name="State"><c>open</c> or <c>closed</c>.</param>
/// <param name="Obstacles">What stands in the way of closing it, one sentence each; conservation is looked at only when it is closed.</param>
/// <param name="Hosts">How far each host is metered; empty for a tenant's own key and for a closed period.</param>
/// <param name="Corrected">Earlier periods that late usage, prices or rules change.</param>
/// <param name="Documents">Invoices and notes: as issued, or as drafts of what they would be now, without numbers.</param>
/// <param name="ManifestSha256">Of a closed period.</param>
internal sealed record PeriodView(
    string Period, string State, DateTimeOffset Start, DateTimeOffset End, IReadOnlyList<string> Obstacles, IReadOnlyList<HostCoverage> Hosts, IReadOnlyList<string> Corrected,
    IReadOnlyList<InvoiceDocument> Documents, string? ManifestSha256);
