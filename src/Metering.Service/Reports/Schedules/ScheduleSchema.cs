using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Reports.Schedules;

/// <summary>Schedules, and what each occurrence (Unix seconds) has made: its bytes are written once, in the transaction that also hands them to the webhook; <c>delivered_at</c> is null until the directory has them.</summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122120000_ReportSchedules")]
public sealed class ScheduleSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number, blob) = postgres ? ("text", "bigint", "bytea") : ("TEXT", "INTEGER", "BLOB");
        migrationBuilder.Sql($"CREATE TABLE report_schedule (id {text} PRIMARY KEY, json {text} NOT NULL, since {number} NOT NULL)");
        migrationBuilder.Sql($"""
            CREATE TABLE report_run (schedule {text} NOT NULL, occurrence {number} NOT NULL, format {text} NOT NULL, directory {text}, content {blob} NOT NULL, hash {text} NOT NULL, made_at {number} NOT NULL,
                delivered_at {number}, error {text}, PRIMARY KEY (schedule, occurrence))
            """);
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
