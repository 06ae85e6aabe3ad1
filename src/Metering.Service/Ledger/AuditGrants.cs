using Npgsql;

namespace Metering.Service.Ledger;

/// <summary>
/// Who may do what to table <c>audit</c> on PostgreSQL: read and append. The service gives up the rest as soon as it has made the table, so that a statement of its own that would change or empty the trail is
/// refused by the server, trigger or not. As the table's owner it could take the right back: whoever wants to rule that out gives the table to another role, see the README; then the service can not.
/// </summary>
internal static class AuditGrants
{
    public static async Task EnsureAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        // A superuser is above grants, and another owner has said already who may what.
        await using var command = new NpgsqlCommand("""
            DO $$ BEGIN
                IF (SELECT relowner::regrole = current_user::regrole FROM pg_class WHERE oid = 'audit'::regclass) AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                    AND has_table_privilege('audit', 'UPDATE, DELETE, TRUNCATE') THEN
                    REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES ON audit FROM CURRENT_USER;
                END IF;
            END $$
            """, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
