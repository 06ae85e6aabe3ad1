using System.Data.Common;
using Metering.EndToEnd.Servers;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Tests.Access;
using Npgsql;
using Xunit;

namespace Metering.EndToEnd.Access;

/// <summary>Row-level security on a real PostgreSQL: under a tenant's scope even a query that restricts nothing sees nothing foreign.</summary>
public sealed class RowSecurityTests(RowSecurityTests.Server server) : IClassFixture<RowSecurityTests.Server>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_query_without_any_condition_sees_the_tenants_rows_only()
    {
        var tables = new Dictionary<string, string>
        {
            ["tenant"] = "id", ["contract"] = "tenant", ["ownership"] = "tenant", ["invoice"] = "tenant", ["charge"] = "tenant", ["alert"] = "tenant", ["alert_state"] = "tenant", ["rollup"] = "tenant",
            ["price_version"] = "book", ["workload"] = "path", ["usage u JOIN workload w ON w.id = u.workload"] = "w.path", ["workload_version v JOIN workload w ON w.id = v.workload"] = "w.path", ["voided v JOIN invoice i ON i.number = v.number"] = "i.tenant",
        };
        var store = server.Tenants.Service.Store;
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            await using var connection = await store.OpenReadAsync(new Caller(Roles.Reader, mine, null), Cancel);
            foreach (var (table, column) in tables)
            {
                var values = await ValuesAsync(connection, $"SELECT DISTINCT {column} FROM {table}");
                Assert.DoesNotContain(values, value => value.Contains(theirs, StringComparison.Ordinal) || value == "unattributed");
                if (table is not ("rollup" or "voided v JOIN invoice i ON i.number = v.number" or "workload_version v JOIN workload w ON w.id = v.workload" or "alert" or "alert_state")) Assert.Contains(values, value => value.Contains(mine, StringComparison.Ordinal));
            }

            // Counted without any join, too; and by name of the other.
            Assert.Equal(["0"], await ValuesAsync(connection, $"SELECT COUNT(*) FROM tenant WHERE id = '{theirs}'"));
            foreach (var table in (string[])["api_key", "audit", "batch", "receipt", "webhook", "delivery", "outbox", "quarantine", "meta", "quota", "idempotent_answer", "command_key", "agent"])
            {
                var refused = await Assert.ThrowsAsync<PostgresException>(() => ValuesAsync(connection, $"SELECT COUNT(*) FROM {table}"));
                Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
            }

            await Assert.ThrowsAsync<PostgresException>(() => ValuesAsync(connection, "SELECT manifest FROM period"));
            await Assert.ThrowsAsync<PostgresException>(() => ValuesAsync(connection, "DELETE FROM tenant"));
        }

        // The pool gives the same connection out again with the service's own eyes.
        for (var i = 0; i < 4; i++)
        {
            await using var all = await store.OpenReadAsync(Cancel);
            Assert.Equal(["acme", "globex"], await ValuesAsync(all, "SELECT id FROM tenant ORDER BY id"));
            Assert.Equal([""], await ValuesAsync(all, "SELECT COALESCE(current_setting('metering.tenant', true), '')"));
        }
    }

    [Fact]
    public async Task Readers_get_by_the_api_what_they_are_to_see_and_no_more()
    {
        var tenants = server.Tenants;
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            foreach (var path in (string[])["v1/tenants", $"v1/tenants/{mine}", $"v1/tenants/{mine}/contract", "v1/price-books", $"v1/price-books/{mine}-book/versions/1", "v1/workloads", $"v1/usage?from={tenants.Month}&groupBy=tenant,workload", "v1/invoices",
                $"v1/invoices/{tenants.Invoices[mine]}", $"v1/invoices/{tenants.Invoices[mine]}?format=html", $"v1/invoices/{tenants.Invoices[mine]}/state", $"v1/invoices/{tenants.Invoices[mine]}/charges", $"v1/charges/{tenants.Charges[mine]}/explain", $"v1/costs?from={tenants.Month}&groupBy=tenant"])
            {
                var answer = await tenants.Service.GoodAsync("GET", path, key: tenants.Readers[mine]);
                Assert.True(answer.Text.Contains(mine, StringComparison.Ordinal) || path.EndsWith("/contract", StringComparison.Ordinal) || path.Contains("versions", StringComparison.Ordinal) || path.EndsWith("/state", StringComparison.Ordinal) || path.Contains("charges", StringComparison.Ordinal), $"{path}: {answer.Text}");
                Assert.DoesNotContain(theirs, answer.Text, StringComparison.Ordinal);
            }

            Assert.Equal(System.Net.HttpStatusCode.NotFound, (await tenants.Service.SendAsync("GET", $"v1/invoices/{tenants.Invoices[theirs]}", key: tenants.Readers[mine])).Status);
        }

        Assert.Contains("\"ok\":true", (await tenants.Service.GoodAsync("GET", "v1/verify")).Text.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("CREATEROLE", true)]
    [InlineData("NOCREATEROLE", false)]
    public async Task A_service_that_is_no_superuser_has_it_where_the_server_allows(string privilege, bool has)
    {
        var user = "service_" + privilege.ToLowerInvariant();
        var connection = await server.Postgres.ConnectionStringAsync("db_" + user, Cancel);
        await using (var admin = new NpgsqlConnection(connection))
        {
            await admin.OpenAsync(Cancel);

            // The role is the server's: another database of it may have made it, without a grant for us.
            await ValuesAsync(admin, $"CREATE ROLE {user} LOGIN {privilege}; ALTER DATABASE db_{user} OWNER TO {user}; ALTER SCHEMA public OWNER TO {user}");
        }

        await using var store = new PostgresStore(new LedgerOptions { ConnectionString = connection.Replace("Username=postgres", "Username=" + user, StringComparison.Ordinal) });
        await store.OpenAsync(Cancel);
        Assert.Equal(has, store.HasRowSecurity);
        await store.OpenAsync(Cancel);
        await using var scoped = await store.OpenReadAsync(new Caller(Roles.Reader, "acme", null), Cancel);
        Assert.Equal([has ? "metering_tenant" : user], await ValuesAsync(scoped, "SELECT current_user"));
    }

    private static async Task<List<string>> ValuesAsync(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        var values = new List<string>();
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        while (await rows.ReadAsync(Cancel)) values.Add(Convert.ToString(rows[0], System.Globalization.CultureInfo.InvariantCulture)!);
        return values;
    }

    /// <summary>A server with a filled ledger.</summary>
    public sealed class Server : IAsyncLifetime
    {
        internal PostgresServer Postgres { get; private set; } = null!;

        internal TwoTenants Tenants { get; } = new();

        public async ValueTask InitializeAsync()
        {
            Postgres = await PostgresServer.StartAsync(Cancel);
            var ledger = await Postgres.ConnectionStringAsync("two_tenants", Cancel);
            await Tenants.FillAsync(await RunningService.StartAsync(new Dictionary<string, string?> { ["Ledger:ConnectionString"] = ledger }));
        }

        public async ValueTask DisposeAsync()
        {
            if (Tenants.Service is not null) await Tenants.DisposeAsync();
            if (Postgres is not null) await Postgres.DisposeAsync();
        }
    }
}
