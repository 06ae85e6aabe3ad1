using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Quotas;

/// <summary>How far figures are counted that are counted anew; and under which window an alert was said whose window has other bounds since.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122200100_QuotaCounting")]
public sealed class QuotaCountingSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var (text, number) = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal) ? ("text", "bigint") : ("TEXT", "INTEGER");
        migrationBuilder.Sql($"CREATE TABLE quota_counting (quota {text} PRIMARY KEY, counts_from {number} NOT NULL, counted_to {number} NOT NULL)");
        migrationBuilder.Sql($"ALTER TABLE quota_state ADD COLUMN said_window {number}");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
