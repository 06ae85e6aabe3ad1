namespace Metering.Tests.Ledger;

/// <summary>The contract on SQLite.</summary>
public sealed class SqliteLedgerTests : LedgerContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-ledger-").FullName;

    protected override Task<string> ConnectionStringAsync() => Task.FromResult($"Data Source={Path.Combine(_directory, "ledger.db")}");

    protected override ValueTask EndAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
