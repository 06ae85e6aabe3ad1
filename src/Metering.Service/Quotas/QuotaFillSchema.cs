using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Quotas;

/// <summary>
/// On PostgreSQL pages of <c>quota_window</c> keep half of their room: figures change with each batch, and a version of a row that finds room on its page needs no new entry in the index.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122220000_QuotaFill")]
public sealed class QuotaFillSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        if (ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal)) migrationBuilder.Sql("ALTER TABLE quota_window SET (fillfactor = 50)");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
