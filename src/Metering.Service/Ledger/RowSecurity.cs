using Npgsql;

namespace Metering.Service.Ledger;

/// <summary>
/// Row-level security of PostgreSQL beneath the queries of who sees one tenant only: such a connection acts as role <c>metering_tenant</c>, which sees the rows of the tenant in setting <c>metering.tenant</c>,
/// of the tables below, and no other table at all. The owner of the tables, which is the service itself, is not held by it and pays nothing for it.
/// </summary>
/// <remarks>
/// A role belongs to the server and not to the database, and may be refused to the service, so this is brought up to date at each start, in the migration's turn, and not once by a migration.
/// </remarks>
internal static class RowSecurity
{
    private const string Role = "metering_tenant";

    // Raise it with the list.
    private const string Version = "3";
    private const string Mine = "current_setting('metering.tenant', true)";

    // A name may tell the columns that are granted. Policies within a condition hold too: what stands on ownership, tenant or invoice sees those of the tenant only.
    private static readonly (string Table, string Condition)[] Policies =
    [
        ("tenant", $"id = {Mine}"),
        ("contract", $"tenant = {Mine}"),
        ("ownership", $"tenant = {Mine}"),
        ("invoice", $"tenant = {Mine}"),
        ("charge", $"tenant = {Mine}"),
        ("alert", $"tenant = {Mine}"),
        ("alert_state", $"tenant = {Mine}"),
        ("rollup", $"tenant = {Mine}"),
        ("rollup_part", $"tenant = {Mine}"),
        ("price_version", "book IN (SELECT t.price_book FROM tenant t) OR book IN (SELECT terms ->> 'priceBook' FROM contract c, jsonb_array_elements(c.json::jsonb -> 'terms') terms)"),
        ("voided", "EXISTS (SELECT 1 FROM invoice i WHERE i.number = voided.number)"),
        ("usage", "EXISTS (SELECT 1 FROM ownership o WHERE o.workload = usage.workload AND usage.bucket >= o.valid_from AND usage.bucket < o.valid_to)"),
        ("workload", "EXISTS (SELECT 1 FROM ownership o WHERE o.workload = workload.id)"),
        ("workload_version", "EXISTS (SELECT 1 FROM ownership o WHERE o.workload = workload_version.workload AND workload_version.valid_from < o.valid_to AND workload_version.valid_to > o.valid_from)"),
        ("coverage", "EXISTS (SELECT 1 FROM workload w WHERE w.host = coverage.host)"),
        ("quota", $"json::jsonb -> 'subject' ->> 'tenant' = {Mine}"),
        ("quota_plan", "EXISTS (SELECT 1 FROM quota q WHERE split_part(q.json::jsonb ->> 'plan', '/', 1) = quota_plan.id)"),
        .. ((string[])["quota_window", "quota_state", "quota_clock", "quota_transition", "quota_counting"]).Select(table => (table, $"EXISTS (SELECT 1 FROM quota q WHERE q.id = {table}.quota)")),

        // Labels of the hosts on which the tenant has a workload: a price may ask for them.
        ("agent (id, host, labels, last_seen_at)", "EXISTS (SELECT 1 FROM workload w WHERE w.host = agent.host)"),

        // What is everybody's: how long buckets are, which days are added up, which months are closed and when. Manifests name every tenant's documents.
        ("meta", "key = 'grain_fine_from'"),
        ("rollup_day", "true"),
        ("period (id)", "true"),
        ("audit (at, action, subject)", "action LIKE 'period.closed%'"),
    ];

    /// <summary>Tables with a tenant that no tenant has any access to.</summary>
    internal static readonly IReadOnlySet<string> Withheld = new HashSet<string>(StringComparer.Ordinal) { "api_key", "enforcement", "quota_window_former", "quota_growth" };

    /// <summary>Puts policies in place; false when the server does not let the service have the role, so that the queries alone keep tenants apart.</summary>
    public static async Task<bool> EnsureAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        try
        {
            await ExecuteAsync(connection, $"""
                DO $$ BEGIN
                    BEGIN
                        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{Role}') THEN CREATE ROLE {Role} NOLOGIN; END IF;
                    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
                    END;
                    IF NOT pg_has_role(current_user, '{Role}', 'MEMBER') THEN EXECUTE format('GRANT {Role} TO %I', current_user); END IF;
                END $$
                """, cancel);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.InvalidGrantOperation)
        {
            return false;
        }

        await using (var read = new NpgsqlCommand("SELECT value FROM meta WHERE key = 'row_security'", connection))
        {
            // The grants are looked at too: a restored database may have lost them with the role.
            if (await read.ExecuteScalarAsync(cancel) is Version && await IsGrantedAsync(connection, cancel)) return true;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await ExecuteAsync(connection, $"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {Role}', current_schema()); END $$", cancel);
        foreach (var (what, condition) in Policies)
        {
            var cut = what.IndexOf(' ', StringComparison.Ordinal);
            var (table, columns) = cut < 0 ? (what, "") : (what[..cut], what[cut..]);

            // A table that was given to another role, as the audit trail may be, keeps what was put in place before.
            if (!await IsOursAsync(connection, table, cancel)) continue;
            await ExecuteAsync(connection, $"""
                ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
                DROP POLICY IF EXISTS tenant_scope ON {table};
                CREATE POLICY tenant_scope ON {table} FOR SELECT TO {Role} USING ({condition});
                GRANT SELECT{columns} ON {table} TO {Role}
                """, cancel);
        }

        await ExecuteAsync(connection, $"INSERT INTO meta (key, value) VALUES ('row_security', '{Version}') ON CONFLICT (key) DO UPDATE SET value = excluded.value", cancel);
        await transaction.CommitAsync(cancel);
        return true;
    }

    /// <summary>From here on the connection sees what is the tenant's; the pool takes that back when it is closed.</summary>
    public static async Task EnterAsync(NpgsqlConnection connection, string tenant, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand($"SELECT set_config('metering.tenant', $1, false), set_config('role', '{Role}', false)", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = tenant });
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>True when <see cref="EnsureAsync"/> would succeed, or has.</summary>
    public static async Task<bool> IsAllowedAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT COALESCE((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = '{Role}'), false) OR (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)", connection);
        return await command.ExecuteScalarAsync(cancel) is true;
    }

    private static async Task<bool> IsOursAsync(NpgsqlConnection connection, string table, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand($"SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = '{table}'::regclass", connection);
        return await command.ExecuteScalarAsync(cancel) is true;
    }

    private static async Task<bool> IsGrantedAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand($"SELECT has_table_privilege('{Role}', 'usage', 'SELECT') AND (SELECT relrowsecurity FROM pg_class WHERE oid = 'usage'::regclass)", connection);
        return await command.ExecuteScalarAsync(cancel) is true;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
