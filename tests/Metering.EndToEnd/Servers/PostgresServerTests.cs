using Npgsql;
using Xunit;

namespace Metering.EndToEnd.Servers;

public sealed class PostgresServerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_committed_survives_a_kill_and_what_was_not_is_gone()
    {
        await using var postgres = await PostgresServer.StartAsync(Cancel);
        var connectionString = await postgres.ConnectionStringAsync("ledger", Cancel);
        await ExecuteAsync(connectionString, "CREATE TABLE usage (id int)");
        await ExecuteAsync(connectionString, "INSERT INTO usage VALUES (1)");
        await using var open = new NpgsqlConnection(connectionString);
        await open.OpenAsync(Cancel);
        await using var transaction = await open.BeginTransactionAsync(Cancel);
        await new NpgsqlCommand("INSERT INTO usage VALUES (2)", open, transaction).ExecuteNonQueryAsync(Cancel);

        await postgres.KillAsync(Cancel);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ExecuteAsync(connectionString, "SELECT 1"));
        await postgres.StartAgainAsync(Cancel);

        Assert.Equal(1L, await ExecuteAsync(connectionString, "SELECT count(*) FROM usage"));
        Assert.Contains("not properly shut down", postgres.Log);
        Assert.Equal("on", await ExecuteAsync(connectionString, "SHOW fsync"));
    }

    [Fact]
    public async Task An_orderly_stop_needs_no_recovery_and_a_fresh_database_is_empty()
    {
        await using var postgres = await PostgresServer.StartAsync(Cancel);
        await ExecuteAsync(await postgres.ConnectionStringAsync("ledger", Cancel), "CREATE TABLE usage (id int)");

        await postgres.StopAsync(Cancel);
        await postgres.StartAgainAsync(Cancel);

        Assert.DoesNotContain("not properly shut down", postgres.Log);
        var fresh = await postgres.ConnectionStringAsync("ledger", Cancel);
        Assert.Equal(0L, await ExecuteAsync(fresh, "SELECT count(*) FROM pg_tables WHERE tablename = 'usage'"));
    }

    [Fact]
    public async Task Disposing_leaves_no_process_and_no_file()
    {
        var postgres = await PostgresServer.StartAsync(Cancel);
        var id = postgres.ProcessId;

        await postgres.DisposeAsync();

        Assert.False(Directory.Exists($"/proc/{id}"));
        Assert.DoesNotContain(Directory.GetDirectories(Path.GetTempPath(), "metering-postgres-*"), path => File.Exists(Path.Combine(path, $".s.PGSQL.{postgres.Port}")));
    }

    private static async Task<object?> ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancel);
    }
}
