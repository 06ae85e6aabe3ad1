using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Metering.Tests.Ledger;

public sealed class KilledMigrationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-ledger-").FullName;

    // The table is Entity Framework's own; its row stays when the process is killed between taking and giving back the lock.
    [Fact]
    public async Task A_ledger_whose_migration_was_killed_opens_again()
    {
        var cancel = TestContext.Current.CancellationToken;
        var file = "Data Source=" + Path.Combine(_directory, "ledger.db") + ";Pooling=False";
        await using (var connection = new SqliteConnection(file))
        {
            await connection.OpenAsync(cancel);
            await using var command = connection.CreateCommand();
            command.CommandText = """
                CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL CONSTRAINT "PK___EFMigrationsLock" PRIMARY KEY, "Timestamp" TEXT NOT NULL);
                INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-11-01 00:00:00+00:00');
                """;
            await command.ExecuteNonQueryAsync(cancel);
        }

        await using var store = LedgerStore.Create(new LedgerOptions { ConnectionString = file });
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        await store.OpenAsync(limit.Token);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
