using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Reports;

/// <summary><c>parts_of</c> of <c>rollup_day</c>: the <c>computed</c> of which the day's parts were made. While they are the same, late usage of a day before it makes anew only the parts of the tenants that it moves.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261123120000_RollupPartSource")]
public sealed class RollupPartSourceSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var number = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal) ? "bigint" : "INTEGER";
        migrationBuilder.Sql($"ALTER TABLE rollup_day ADD COLUMN parts_of {number} NOT NULL DEFAULT -1");
        migrationBuilder.Sql("UPDATE rollup_day SET parts_of = parted WHERE parted = computed");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
