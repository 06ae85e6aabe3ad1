using Metering.Service.Ledger;
using Metering.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Metering.Tests.Ledger;

public sealed class SqliteReadersTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-readers-" + Guid.CreateVersion7().ToString("N"))).FullName;
    private LedgerStore _store = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = LedgerStore.Create(new LedgerOptions { ConnectionString = $"Data Source={_directory}/ledger.db" });
        await _store.OpenAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task No_two_readers_have_the_same_connection()
    {
        for (var i = 0; i < 200; i++)
        {
            var readers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () => (SqliteConnection)await _store.OpenReadAsync(Cancel), Cancel)));
            Assert.Distinct(readers.Select(reader => reader.Handle!.DangerousGetHandle()));
            await Task.WhenAll(readers.Select(reader => Task.Run(async () => await reader.DisposeAsync(), Cancel)));
        }
    }

    [Fact]
    public async Task One_that_was_left_in_a_transaction_or_a_statement_is_not_lent_again()
    {
        await using (var left = (SqliteConnection)await _store.OpenReadAsync(Cancel))
        {
            await using var command = left.CreateCommand();
            command.CommandText = "BEGIN; SELECT COUNT(*) FROM meta";
            await command.ExecuteScalarAsync(Cancel);
        }

        await _store.WriteAsync(transaction => transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES ('newer', '1')"), Cancel);
        await using var next = await _store.OpenReadAsync(Cancel);
        await using var question = next.CreateCommand();
        question.CommandText = "SELECT value FROM meta WHERE key = 'newer'";
        Assert.Equal("1", await question.ExecuteScalarAsync(Cancel));
    }

    [Fact]
    public async Task The_last_to_close_leaves_no_log_behind()
    {
        await (await _store.OpenReadAsync(Cancel)).DisposeAsync();
        await _store.DisposeAsync();
        Assert.False(File.Exists($"{_directory}/ledger.db-wal"));
        await InitializeAsync();
    }
}
