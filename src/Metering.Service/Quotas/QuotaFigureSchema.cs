using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Quotas;

/// <summary>
/// On SQLite figures of quotas get an id: a row whose key is three texts and numbers takes three times as long to find, and is deleted and written anew with each change.
/// <c>AUTOINCREMENT</c>, because an id that is remembered must never come to be another row's.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122200000_QuotaFigures")]
public sealed class QuotaFigureSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        if (ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal)) return;
        migrationBuilder.Sql("ALTER TABLE quota_window RENAME TO quota_window_by_key");
        migrationBuilder.Sql("""
            CREATE TABLE quota_window (id INTEGER PRIMARY KEY AUTOINCREMENT, quota TEXT NOT NULL, window_start INTEGER NOT NULL, component TEXT NOT NULL, used_high INTEGER NOT NULL, used_low INTEGER NOT NULL,
                UNIQUE (quota, window_start, component))
            """);
        migrationBuilder.Sql("INSERT INTO quota_window (quota, window_start, component, used_high, used_low) SELECT quota, window_start, component, used_high, used_low FROM quota_window_by_key");
        migrationBuilder.Sql("DROP TABLE quota_window_by_key");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
