using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Reports;

/// <summary>
/// What each workload of a tenant used, and was charged for, in a part of a day of UTC (<see cref="RollupPart"/>): <c>rollup_part</c>, one row for all workloads of the tenant, packed. <c>parted</c> of
/// <c>rollup_day</c> is <c>computed</c> when the day's parts are there. Derived from usage, and dropped without loss.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261123010000_RollupPart")]
public sealed class RollupPartSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number, bytes) = postgres ? ("text", "bigint", "bytea") : ("TEXT", "INTEGER", "BLOB");
        migrationBuilder.Sql($"ALTER TABLE rollup_day ADD COLUMN parted {number} NOT NULL DEFAULT -1");
        migrationBuilder.Sql($"""
            CREATE TABLE rollup_part (day {number} NOT NULL, tenant {text} NOT NULL, from_at {number} NOT NULL, to_at {number} NOT NULL, state {text} NOT NULL, lines {text} NOT NULL,
                charged {bytes} NOT NULL, used {bytes} NOT NULL, PRIMARY KEY (day, tenant, from_at))
            """);

        // Packed already: to try and pack it again would cost more than it saves.
        if (postgres) migrationBuilder.Sql("ALTER TABLE rollup_part ALTER COLUMN charged SET STORAGE EXTERNAL, ALTER COLUMN used SET STORAGE EXTERNAL");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
