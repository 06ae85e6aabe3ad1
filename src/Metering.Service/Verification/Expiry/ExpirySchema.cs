using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Verification.Expiry;

/// <summary>Up to which number the batches of an agent have no bytes any more. A batch that has none beyond that is lost.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122130000_Expiry")]
public sealed class ExpirySchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var number = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal) ? "bigint" : "INTEGER";
        migrationBuilder.Sql($"CREATE TABLE batch_expiry (agent {number} PRIMARY KEY, sequence {number} NOT NULL)");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
