using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Ledger;

/// <summary>What a scraper would have missed, beside the meters; and the way to a host's batches by time, for <c>verify</c> and the live view.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122060000_Unscraped")]
public sealed class UnscrapedSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var number = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal) ? "bigint" : "INTEGER";
        migrationBuilder.Sql($"ALTER TABLE usage ADD COLUMN unscraped_us {number} NOT NULL DEFAULT 0");
        migrationBuilder.Sql("CREATE INDEX receipt_agent_window ON receipt (agent, window_end)");
        migrationBuilder.Sql("DROP INDEX receipt_window");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
