using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Enforcement;

/// <summary>What agents are told to do, and the key that it is signed with.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122180000_Enforcement")]
public sealed class EnforcementSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number, bytes) = postgres ? ("text", "bigint", "bytea") : ("TEXT", "INTEGER", "BLOB");
        migrationBuilder.Sql($"""
            CREATE TABLE enforcement (id {text} PRIMARY KEY, quota {text} NOT NULL, host {text} NOT NULL, path {text} NOT NULL, action {text} NOT NULL, value {number} NOT NULL, dry_run {number} NOT NULL,
                reason {text} NOT NULL, began_at {number} NOT NULL, released_at {number}, released_why {text})
            """);
        migrationBuilder.Sql("CREATE INDEX enforcement_open ON enforcement (released_at)");
        migrationBuilder.Sql($"CREATE TABLE command_key (id {number} PRIMARY KEY, private {bytes} NOT NULL)");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
