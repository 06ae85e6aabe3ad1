using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Quotas;

/// <summary>
/// Running figures, states and history of quotas. A figure is <c>used_high</c>·10¹⁸ + <c>used_low</c>, so that both databases add in SQL what passes 64 bits. What earlier versions counted is counted anew
/// from the ledger; what they had fired is in <c>quota_window_former</c> and stays fired.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122150000_Quotas")]
public sealed class QuotaSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number) = postgres ? ("text", "bigint") : ("TEXT", "INTEGER");
        var clustered = postgres ? "" : " WITHOUT ROWID";
        var roomy = postgres ? " WITH (fillfactor = 50)" : clustered;
        string[] statements =
        [
            "ALTER TABLE quota_window RENAME TO quota_window_former",
            "DROP TABLE quota_use",
            $"""
             CREATE TABLE quota_window (quota {text} NOT NULL, window_start {number} NOT NULL, component {text} NOT NULL, used_high {number} NOT NULL, used_low {number} NOT NULL,
                 CONSTRAINT quota_window_key PRIMARY KEY (quota, window_start, component)){roomy}
             """,
            $"""
             CREATE TABLE quota_state (quota {text} NOT NULL, window_start {number} NOT NULL, threshold {text} NOT NULL, window_end {number} NOT NULL, state {text} NOT NULL, since {number} NOT NULL,
                 amount {text} NOT NULL, PRIMARY KEY (quota, window_start, threshold)){clustered}
             """,
            $"CREATE TABLE quota_clock (quota {text} PRIMARY KEY, number {number} NOT NULL, since {number} NOT NULL, judged_to {number} NOT NULL, measured {text} NOT NULL, basis {text} NOT NULL){clustered}",
            $"CREATE TABLE quota_transition (quota {text} NOT NULL, number {number} NOT NULL, at {number} NOT NULL, json {text} NOT NULL, PRIMARY KEY (quota, number)){clustered}",
            $"CREATE TABLE quota_plan (id {text} PRIMARY KEY, json {text} NOT NULL)",
        ];
        foreach (var sql in statements) migrationBuilder.Sql(sql);
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
