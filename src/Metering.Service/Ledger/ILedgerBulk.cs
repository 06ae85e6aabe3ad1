namespace Metering.Service.Ledger;

/// <summary>The hot path's statements, in each database's fastest way. All run in the transaction given to the constructor's owner.</summary>
internal interface ILedgerBulk
{
    /// <summary>The agents of these epochs that are known, locked against other writers, in the order of the epochs.</summary>
    Task<List<AgentEntry>> LoadAgentsAsync(LedgerTransaction transaction, IReadOnlyList<string> epochs);

    /// <summary>Inserts new agents (giving ids) and writes the marks of known ones.</summary>
    Task SaveAgentsAsync(LedgerTransaction transaction, IReadOnlyCollection<AgentEntry> agents, long now);

    Task InsertReceiptsAsync(LedgerTransaction transaction, IReadOnlyList<ReceiptRow> receipts, long now);

    /// <summary>Inserts or renews workloads and gives them their ids.</summary>
    Task SaveWorkloadsAsync(LedgerTransaction transaction, IReadOnlyList<WorkloadEntry> workloads, long bucket);

    /// <summary>Writes what workloads say of the availability of their meters.</summary>
    Task SaveAvailabilityAsync(LedgerTransaction transaction, IReadOnlyList<(long Id, string Availability)> workloads);

    /// <summary>Adds the rows to <c>usage</c>. Ordered by (bucket, workload), so that several writers lock in the same order.</summary>
    Task AddUsageAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows);

    Task AddCoverageAsync(LedgerTransaction transaction, IReadOnlyCollection<KeyValuePair<(long Bucket, string Host), (long Covered, long Expected)>> rows);

    /// <summary>Adds what the group's batches bill to <c>conservation</c>.</summary>
    Task AddConservationAsync(LedgerTransaction transaction, IReadOnlyCollection<KeyValuePair<(long Bucket, string Host), Conserved>> rows);
}
