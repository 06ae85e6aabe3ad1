using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using Metering.EndToEnd.Servers;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
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
        string[] refused = ["api_key", "batch", "receipt", "webhook", "delivery", "outbox", "quarantine", "idempotent_answer", "command_key", "silence", "notification", "ownership_rules", "allocation", "late", "gap"];
        var store = server.Tenants.Service.Store;
        await store.WriteAsync(QuotaGrowthLog.SettleAsync, Cancel);
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            await using var connection = await store.OpenReadAsync(new Caller(Roles.Reader, mine, null), Cancel);
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var table in await TablesAsync())
            {
                // Every column of every table that the role may read, as one text for each row.
                var columns = await ValuesAsync(connection, $"SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')");
                Assert.True(columns.Count == 0 || !refused.Contains(table), $"Role metering_tenant may read {table}.");
                if (columns.Count == 0) continue;
                var rows = await ValuesAsync(connection, $"SELECT concat_ws(' ', {string.Join(", ", columns)}) FROM {table}");
                Assert.DoesNotContain(rows, row => row.Contains(theirs, StringComparison.OrdinalIgnoreCase) || row.Contains("unattributed", StringComparison.Ordinal));
                if (rows.Count > 0) seen.Add(table);
            }

            // Those without a name in them, by what they belong to.
            Assert.DoesNotContain(await ValuesAsync(connection, "SELECT w.path FROM usage u JOIN workload w ON w.id = u.workload"), path => !path.StartsWith($"/{mine}/", StringComparison.Ordinal));
            Assert.Empty(await ValuesAsync(connection, "SELECT u.workload::text FROM usage u WHERE NOT EXISTS (SELECT 1 FROM workload w WHERE w.id = u.workload)"));
            foreach (var table in (string[])["tenant", "contract", "ownership", "invoice", "charge", "price_version", "workload", "usage", "coverage", "quota", "quota_window", "quota_clock", "agent", "period"]) Assert.Contains(table, seen);
            foreach (var sql in (string[])["SELECT manifest FROM period", "DELETE FROM tenant", "SELECT actor FROM audit", "SELECT epoch FROM agent", "SELECT COUNT(*) FROM api_key"])
                Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => ValuesAsync(connection, sql))).SqlState);
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
    public async Task Every_table_with_a_tenant_or_with_what_is_a_tenants_has_a_policy()
    {
        await using var connection = await server.Tenants.Service.Store.OpenReadAsync(Cancel);
        var bound = await ValuesAsync(connection, """
            SELECT DISTINCT c.table_name FROM information_schema.columns c JOIN information_schema.tables t ON t.table_name = c.table_name AND t.table_schema = c.table_schema AND t.table_type = 'BASE TABLE'
            WHERE c.table_schema = current_schema() AND c.column_name IN ('tenant', 'workload', 'quota')
            """);
        var held = await ValuesAsync(connection, "SELECT tablename FROM pg_policies WHERE policyname = 'tenant_scope'");
        var open = await ValuesAsync(connection, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND has_any_column_privilege('metering_tenant', oid, 'SELECT') AND NOT relrowsecurity");
        Assert.True(open.Count == 0, "Role metering_tenant reads tables without row-level security: " + string.Join(", ", open));
        Assert.Superset(new HashSet<string>(["tenant", "charge", "usage", "quota_state"]), bound.Append("tenant").ToHashSet());
        var free = bound.Except(held).Except(RowSecurity.Withheld).ToList();
        Assert.True(free.Count == 0, $"Give {string.Join(", ", free)} a policy in {nameof(RowSecurity)}, or withhold them from tenants there.");
        foreach (var table in RowSecurity.Withheld) Assert.Equal(["False"], await ValuesAsync(connection, $"SELECT has_any_column_privilege('metering_tenant', '{table}', 'SELECT')"));
    }

    [Fact]
    public async Task What_a_request_reads_without_saying_for_whom_is_read_for_its_tenant()
    {
        await ActAsync();
        await using var after = await server.Tenants.Service.Store.OpenReadAsync(Cancel);
        Assert.Equal(["postgres"], await ValuesAsync(after, "SELECT current_user"));

        async Task ActAsync()
        {
            LedgerStore.ActFor(new Caller(Roles.Reader, "acme", null));
            await using var forgotten = await server.Tenants.Service.Store.OpenReadAsync(Cancel);
            Assert.Equal(["acme"], await ValuesAsync(forgotten, "SELECT id FROM tenant"));
            await using var meant = await server.Tenants.Service.Store.OpenReadAsync(Caller.Local, Cancel);
            Assert.Equal(["postgres"], await ValuesAsync(meant, "SELECT current_user"));
        }
    }

    [Fact]
    public async Task Every_route_answers_a_tenant_the_same_with_it_as_without()
    {
        // Without it only the queries restrict: what the database hides beyond that would be the tenant's own.
        var (tenants, store) = (server.Tenants, (PostgresStore)server.Tenants.Service.Store);
        var routes = (await ApiOperation.AllAsync(tenants.Service)).Where(route => route.Method == "GET" && route.Path != "/metrics").ToList();
        var told = 0;
        foreach (var mine in TwoTenants.Names)
        {
            foreach (var route in routes)
            {
                foreach (var query in (string[])["", $"?from={tenants.Month}&to=now&groupBy=tenant,workload&step=day&period={tenants.Month}", $"?from={tenants.Month}&groupBy=tenant", $"?period={TwoTenants.Open}&state=draft", $"?from={tenants.Month}&allocation=hosts&groupBy=tenant&period={tenants.Month}&dataset=invoice-detail"])
                {
                    var path = route.With(name => tenants.Id(route, name, mine)) + route.Query(query);
                    store.HasRowSecurity = false;
                    var without = await tenants.Service.SendAsync("GET", path, key: tenants.Readers[mine]);
                    store.HasRowSecurity = true;
                    var with = await tenants.Service.SendAsync("GET", path, key: tenants.Readers[mine]);
                    Assert.True((int)with.Status < 500 && with.Status == without.Status && Steady(with.Text) == Steady(without.Text), $"{path} as {mine}:\n{(int)with.Status} {with.Text}\nwithout row-level security:\n{(int)without.Status} {without.Text}");
                    if (with.Text.Contains(mine, StringComparison.Ordinal)) told++;
                }
            }
        }

        Assert.True(told > 40, $"Only {told} answers tell a tenant of itself.");

        // Instants of the answer, and what is measured up to now.
        static string Steady(string text) => System.Text.RegularExpressions.Regex.Replace(text, "\"(traceId|at|now|to|updated[A-Za-z]*)\":\"[^\"]*\"|\"forecast\":[-0-9.]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "");
    }

    [Fact]
    public async Task Readers_get_by_the_api_what_they_are_to_see_and_no_more()
    {
        var tenants = server.Tenants;
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            Assert.Equal(System.Net.HttpStatusCode.NotFound, (await tenants.Service.SendAsync("GET", $"v1/invoices/{tenants.Invoices[theirs]}", key: tenants.Readers[mine])).Status);
            var usage = await tenants.Service.GoodAsync("GET", $"v1/usage?from={tenants.Month}&groupBy=tenant,workload", key: tenants.Readers[mine]);
            Assert.Contains(mine, usage.Text);
            Assert.DoesNotContain(theirs, usage.Text, StringComparison.Ordinal);
        }

        Assert.Contains("\"ok\":true", (await tenants.Service.GoodAsync("GET", "v1/verify")).Text.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
    }

    // How long an answer takes follows from what is asked of the database: whoever measures it is not told that there is such an id.
    [Fact]
    public async Task A_foreign_id_is_looked_for_by_the_same_statements_as_an_absent_one()
    {
        var (tenants, sent) = (server.Tenants, new ConcurrentDictionary<string, ConcurrentQueue<string>>(StringComparer.Ordinal));
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,

            // What has no text is a connection that the pool opened anew.
            ActivityStopped = one =>
            {
                if ((one.GetTagItem("db.query.text") ?? one.GetTagItem("db.statement")) is string text) sent.GetOrAdd(one.TraceId.ToHexString(), _ => new()).Enqueue(text);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var looked = 0;
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            foreach (var route in (await ApiOperation.AllAsync(tenants.Service)).Where(route => route.PathParameters.Count > 0 && route.Path != "/v1/periods/{period}"))
            {
                // The first time whose key it is may have to be looked up.
                await StatementsAsync(route, TwoTenants.Absent, mine);
                var (foreign, absent) = (await StatementsAsync(route, theirs, mine), await StatementsAsync(route, TwoTenants.Absent, mine));
                Assert.True(foreign.SequenceEqual(absent), $"{route} as {mine}, of {theirs}:\n{string.Join('\n', foreign)}\nof nobody:\n{string.Join('\n', absent)}");
                looked += foreign.Count;
            }
        }

        Assert.True(looked > 40, $"Only {looked} statements were seen.");

        async Task<List<string>> StatementsAsync(ApiOperation route, string of, string reader)
        {
            var trace = ActivityTraceId.CreateRandom().ToHexString();
            await tenants.Service.SendAsync(route.Method, route.With(name => tenants.Id(route, name, of)), route.HasBody ? "{}" : null, tenants.Readers[reader], ("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom().ToHexString()}-01"));
            return sent.TryGetValue(trace, out var statements) ? [.. statements] : [];
        }
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
        Assert.Equal(has, store.Unprotected is null);
        Assert.Equal(has, await store.LookUnprotectedAsync(Cancel) is null);
        await store.OpenAsync(Cancel);
        await using var scoped = await store.OpenReadAsync(new Caller(Roles.Reader, "acme", null), Cancel);
        Assert.Equal([has ? "metering_tenant" : user], await ValuesAsync(scoped, "SELECT current_user"));
        await KeepsAuditAsync(store, connection, user);
    }

    // What is in the trail stays: the service has given up the right to change it, and can not take it back once the table is another's.
    private static async Task KeepsAuditAsync(PostgresStore store, string connection, string user)
    {
        string[] changes = ["UPDATE audit SET actor = 'somebody'", "DELETE FROM audit", "TRUNCATE audit"];
        await AppendAsync(store);
        foreach (var sql in changes) Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, await RefusalAsync(store, sql));
        await using var admin = new NpgsqlConnection(connection);
        await admin.OpenAsync(Cancel);
        Assert.Contains("append-only", (await Assert.ThrowsAsync<PostgresException>(() => ValuesAsync(admin, changes[0]))).MessageText);

        // As the README tells operators to.
        await ValuesAsync(admin, $"CREATE ROLE keeper_{user} NOLOGIN; ALTER TABLE audit OWNER TO keeper_{user}; ALTER FUNCTION audit_append_only() OWNER TO keeper_{user}; CREATE POLICY service ON audit TO {user} USING (true) WITH CHECK (true); GRANT SELECT, INSERT ON audit TO {user}");
        await ValuesAsync(admin, "UPDATE meta SET value = '0' WHERE key = 'row_security'");
        await store.OpenAsync(Cancel);
        await AppendAsync(store);
        foreach (var sql in (string[])[.. changes, $"GRANT UPDATE ON audit TO {user}", "ALTER TABLE audit DISABLE TRIGGER audit_no_change", "DROP TRIGGER audit_no_change ON audit", "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"])
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, await RefusalAsync(store, sql));
        await using var reading = await store.OpenReadAsync(Cancel);
        Assert.Equal(["1", "2"], await ValuesAsync(reading, "SELECT number FROM audit ORDER BY number"));

        static Task AppendAsync(PostgresStore store) => store.WriteAsync(transaction => AuditTrail.AddAsync(transaction, DateTimeOffset.UnixEpoch, new System.Security.Claims.ClaimsPrincipal(), "tenant.put", "t", null, "{}"), Cancel);

        static async Task<string> RefusalAsync(PostgresStore store, string sql)
        {
            await using var mine = await store.OpenReadAsync(Cancel);

            // To grant what one may not is a warning only, if one has any right at all; then nothing came of it.
            try
            {
                await ValuesAsync(mine, sql);
            }
            catch (PostgresException refused)
            {
                return refused.SqlState;
            }

            return (await ValuesAsync(mine, "SELECT has_table_privilege('audit', 'UPDATE')"))[0] == "False" ? PostgresErrorCodes.InsufficientPrivilege : "granted";
        }
    }

    [Fact]
    public async Task Of_many_who_change_the_same_document_at_once_none_undoes_another()
    {
        var service = server.Tenants.Service;
        await service.GoodAsync("PUT", "v1/quota-plans/shared", """{"limits":{"first":1}}""");
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            while (true)
            {
                var read = await service.GoodAsync("GET", "v1/quota-plans/shared");
                var limits = read.Json.GetProperty("limits").EnumerateObject().ToDictionary(one => one.Name, one => one.Value.GetDecimal());
                limits["w" + i] = i + 1;
                var put = await service.SendAsync("PUT", "v1/quota-plans/shared", new { limits }, null, ("If-Match", read.Headers["ETag"]));
                if (put.Status == System.Net.HttpStatusCode.OK) return;
                Assert.True(put.Status is System.Net.HttpStatusCode.PreconditionFailed or System.Net.HttpStatusCode.ServiceUnavailable, put.Text);
            }
        }));
        Assert.Equal(7, (await service.GoodAsync("GET", "v1/quota-plans/shared")).Json.GetProperty("limits").EnumerateObject().Count());
        await service.GoodAsync("DELETE", "v1/quota-plans/shared");

        // What only SQLite would keep is refused here in words too.
        var hostile = await service.SendAsync("PUT", "v1/tenants/nul", "{\"name\":\"a\\u0000b\"}");
        Assert.Equal((System.Net.HttpStatusCode.BadRequest, "urn:metering:problem:invalid-request"), (hostile.Status, hostile.Type));
    }

    private async Task<List<string>> TablesAsync()
    {
        await using var all = await server.Tenants.Service.Store.OpenReadAsync(Cancel);
        return await ValuesAsync(all, "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 1");
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
