using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Billing;

/// <summary>On SQLite charges are written in pieces before what they belong to is issued: until then they can be taken away again. What is issued can not, as before.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122140000_StagedCharges")]
public sealed class StagedChargeSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        if (ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal)) return;
        migrationBuilder.Sql("DROP TRIGGER charge_no_delete");
        migrationBuilder.Sql("""
            CREATE TRIGGER charge_no_delete BEFORE DELETE ON charge
            WHEN (OLD.cause = '' AND EXISTS (SELECT 1 FROM period WHERE id = OLD.period)) OR (OLD.cause <> '' AND EXISTS (SELECT 1 FROM invoice WHERE cause = OLD.cause AND cause <> ''))
            BEGIN SELECT RAISE(ABORT, 'what is issued can not be changed'); END
            """);
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
