namespace Metering.Service.Ui;

/// <summary>Everything that the first page shows, read at one instant for one caller. Immutable; pages of the same tenant share it.</summary>
/// <param name="From">Start of the first bucket: a day ago, moved down to the grain.</param>
/// <param name="LastWindowEnd">End of the newest window in the ledger; null for a reader, who is not told about hosts.</param>
/// <param name="CoresNow">CPU time per time over the last minute; null until two readings differ.</param>
/// <param name="IsPriced">False when no price holds for any of the usage shown.</param>
/// <param name="Hours">Null when there are so many workloads that they are read apart.</param>
/// <param name="IsCut">True when there are more workloads than the page takes; figures by tenant are complete even then.</param>
internal sealed record Overview(
    DateTimeOffset From, DateTimeOffset To, DateTimeOffset ReadAt, DateTimeOffset? LastWindowEnd, int Hosts, Amounts Total, decimal? CoresNow, bool IsPriced, bool IsCut,
    IReadOnlyList<TenantLine> Tenants, IReadOnlyList<WorkloadLine> Workloads, OverviewHours? Hours);
