using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Quotas;

/// <summary>On PostgreSQL, what transactions add to figures waits in one row each, see <see cref="QuotaGrowthLog"/>. Not compressed: the rows are short-lived.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261123040000_QuotaGrowth")]
public sealed class QuotaGrowthSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        if (!ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal)) return;
        migrationBuilder.Sql("CREATE TABLE quota_growth (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes bytea NOT NULL)");
        migrationBuilder.Sql("ALTER TABLE quota_growth ALTER COLUMN bytes SET STORAGE EXTERNAL");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
