using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Reports;

/// <summary>
/// What each tenant used of each SKU on a day of UTC, cut where the tenant's own days, months and prices change: <c>rollup</c>, <c>base</c> in base units; the row with no SKU has how many rows of
/// usage there are. <c>rollup_day</c> says how far a day is added up (<c>until</c>, Unix seconds) and by which configuration; it holds while <c>computed</c> is <c>arrivals</c>.
/// Derived from usage, and dropped without loss.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122110000_Rollup")]
public sealed class RollupSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number, wide, clustered) = postgres ? ("text", "bigint", "numeric(39,0)", "") : ("TEXT", "INTEGER", "TEXT", " WITHOUT ROWID");
        migrationBuilder.Sql($"CREATE TABLE rollup_day (day {number} PRIMARY KEY, until {number} NOT NULL, arrivals {number} NOT NULL, computed {number} NOT NULL, config {text} NOT NULL)");
        migrationBuilder.Sql($"""
            CREATE TABLE rollup (day {number} NOT NULL, tenant {text} NOT NULL, from_at {number} NOT NULL, to_at {number} NOT NULL, book {text} NOT NULL, version {number} NOT NULL, sku {text} NOT NULL,
                base {wide} NOT NULL, PRIMARY KEY (day, tenant, from_at, book, version, sku)){clustered}
            """);
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
