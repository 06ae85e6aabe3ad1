using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Quotas;

/// <summary>
/// On PostgreSQL a figure is found by an id that its key decides, see <see cref="QuotaFigureIds"/>: 16 bytes instead of two texts and a number, which is a third of the time of a group's figures.
/// The index by quota is for reading; no column of either changes with a figure.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122230000_QuotaFigureIds")]
public sealed class QuotaFigureIdSchema : Migration
{
    internal const string Id = "encode(substring(sha256(convert_to(quota || '/' || window_start || '/' || component, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid";

    protected override void Up(MigrationBuilder migrationBuilder)
    {
        if (!ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal)) return;
        migrationBuilder.Sql("ALTER TABLE quota_window ADD COLUMN id uuid");
        migrationBuilder.Sql("UPDATE quota_window SET id = " + Id);
        migrationBuilder.Sql("ALTER TABLE quota_window DROP CONSTRAINT quota_window_key");
        migrationBuilder.Sql("ALTER TABLE quota_window ADD PRIMARY KEY (id)");
        migrationBuilder.Sql("CREATE INDEX quota_window_of ON quota_window (quota, window_start)");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
