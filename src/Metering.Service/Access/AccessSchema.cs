using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Access;

/// <summary>The audit trail as a chain, see <see cref="AuditChain"/>; and answers by <c>Idempotency-Key</c>, kept for a day. Rows of the trail from before have no hash of their own: the first one of the chain covers them.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122210000_Access")]
public sealed class AccessSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number, blob) = postgres ? ("text", "bigint", "bytea") : ("TEXT", "INTEGER", "BLOB");
        migrationBuilder.Sql($"ALTER TABLE audit ADD COLUMN principal {text} NOT NULL DEFAULT ''");
        migrationBuilder.Sql($"ALTER TABLE audit ADD COLUMN number {number}");
        migrationBuilder.Sql($"ALTER TABLE audit ADD COLUMN hash {blob}");
        migrationBuilder.Sql("CREATE UNIQUE INDEX audit_number ON audit (number)");
        migrationBuilder.Sql("CREATE INDEX audit_subject ON audit (subject, id)");
        migrationBuilder.Sql($"""
            CREATE TABLE idempotent_answer (principal {text} NOT NULL, key {text} NOT NULL, request {blob} NOT NULL, at {number} NOT NULL, status {number}, content_type {text}, location {text}, body {blob},
                PRIMARY KEY (principal, key))
            """);
        migrationBuilder.Sql("CREATE INDEX idempotent_answer_at ON idempotent_answer (at)");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
