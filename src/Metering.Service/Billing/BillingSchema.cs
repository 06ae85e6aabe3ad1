using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Billing;

/// <summary>
/// Closed periods, their charges and invoices. Rows are only ever added; triggers see to it. Prices are in 10⁻¹⁰ of the currency, <c>nano</c> in 10⁻⁹ of the unit, both exact: cost is their product.
/// A document is made by closing a period (<c>cause</c> empty), by voiding (<c>void 000017</c>) or by issuing anew (<c>reissue 000017</c>); period, origin, tenant, currency and cause of a charge name its document.
/// <c>late</c> has the buckets that got more usage after they may have been billed.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122080000_Billing")]
public sealed class BillingSchema : Migration
{
    private static readonly string[] Tables = ["period", "invoice", "charge", "voided"];

    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number, wide, clustered) = postgres ? ("text", "bigint", "numeric(39,0)", "") : ("TEXT", "INTEGER", "TEXT", " WITHOUT ROWID");
        migrationBuilder.Sql($"CREATE TABLE period (id {text} PRIMARY KEY, manifest {text} NOT NULL, hash {text} NOT NULL, previous {text} NOT NULL, configuration {text} NOT NULL){clustered}");
        migrationBuilder.Sql($"""
            CREATE TABLE invoice (number {number} PRIMARY KEY, period {text} NOT NULL, origin {text} NOT NULL, tenant {text} NOT NULL, currency {text} NOT NULL, cause {text} NOT NULL, kind {text} NOT NULL,
                total {text} NOT NULL, json {text} NOT NULL, hash {text} NOT NULL, UNIQUE (period, tenant, currency, origin, cause))
            """);
        migrationBuilder.Sql($"""
            CREATE TABLE charge (period {text} NOT NULL, n {number} NOT NULL, origin {text} NOT NULL, tenant {text} NOT NULL, day {text} NOT NULL, workload {number} NOT NULL, sku {text} NOT NULL,
                book {text} NOT NULL, version {number} NOT NULL, tier {number} NOT NULL, terms_from {number}, currency {text} NOT NULL, unit {text} NOT NULL, price {number} NOT NULL, nano {wide} NOT NULL,
                base {wide} NOT NULL, used {wide}, reserved {wide}, from_at {number} NOT NULL, to_at {number} NOT NULL, kind {text} NOT NULL, cause {text} NOT NULL, PRIMARY KEY (period, n)){clustered}
            """);
        migrationBuilder.Sql($"CREATE TABLE voided (number {number} PRIMARY KEY REFERENCES invoice (number), note {number} NOT NULL REFERENCES invoice (number), reason {text} NOT NULL, at_us {number} NOT NULL, actor {text} NOT NULL)");
        migrationBuilder.Sql($"CREATE TABLE late (bucket {number} PRIMARY KEY, arrivals {number} NOT NULL)");
        migrationBuilder.Sql("CREATE INDEX charge_origin ON charge (origin, period)");
        if (postgres) migrationBuilder.Sql("CREATE FUNCTION billing_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'what is issued can not be changed'; END $$");
        foreach (var table in Tables)
        {
            if (postgres) migrationBuilder.Sql($"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION billing_append_only()");
            else foreach (var change in (string[])["UPDATE", "DELETE"])
                migrationBuilder.Sql($"CREATE TRIGGER {table}_no_{change.ToLowerInvariant()} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'what is issued can not be changed'); END");
        }
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
