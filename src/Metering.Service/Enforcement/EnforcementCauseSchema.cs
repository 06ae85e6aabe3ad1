using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Enforcement;

/// <summary>Which batch of the host was the last one counted when the quota went over.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122230100_EnforcementCause")]
public sealed class EnforcementCauseSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql($"ALTER TABLE enforcement ADD COLUMN crossed_by {(ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal) ? "bigint" : "INTEGER")}");

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
