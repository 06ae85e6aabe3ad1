namespace Metering.Service.Ledger;

/// <summary>What has to hold for the present request's first transaction, looked at within it, so that no other change comes between.</summary>
internal interface IWriteCondition
{
    /// <summary>Before the work. Throws <see cref="VersionChangedException"/> to give the transaction up.</summary>
    Task BeforeAsync(LedgerTransaction transaction);

    /// <summary>After the work, before the commit.</summary>
    Task AfterAsync(LedgerTransaction transaction);

    /// <summary>The transaction is in the ledger; further ones are not looked at.</summary>
    void Committed();
}
