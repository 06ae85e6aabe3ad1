namespace Metering.Service.Ledger;

/// <summary>A later stage that must see usage in the transaction that records it (quotas).</summary>
internal interface IUsageListener
{
    /// <summary>Usage is about to be added: what is needed from the database to add it up.</summary>
    Task UsageComingAsync(LedgerTransaction transaction, LedgerSnapshot snapshot) => Task.CompletedTask;

    /// <summary>Adds up the rows that <see cref="UsageAddedAsync"/> is told of next; on another thread, while the database takes them.</summary>
    void AddUp(IReadOnlyList<UsageRow> rows)
    {
    }

    /// <summary>Rows are what the transaction adds, each with the workload and its owners.</summary>
    Task UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now);

    /// <summary>Stored rows whose owner became another, before the transaction's own rows are added.</summary>
    Task UsageMovedAsync(LedgerTransaction transaction, IReadOnlyList<MovedUsage> moves, LedgerSnapshot snapshot, DateTimeOffset now) => Task.CompletedTask;

    /// <summary>Names or labels of a workload became others from an instant (Unix seconds) on, where usage may be stored.</summary>
    Task AttributesChangedAsync(LedgerTransaction transaction, long from, LedgerSnapshot snapshot) => Task.CompletedTask;

    /// <summary>A batch that was in quarantine is billed now, long after those around it: the range that it stands for, of an agent by its id.</summary>
    Task BatchReleasedAsync(LedgerTransaction transaction, long agent, long first, long last) => Task.CompletedTask;

    /// <summary>The transaction was rolled back: what was learnt in it never was.</summary>
    void Forget()
    {
    }
}
