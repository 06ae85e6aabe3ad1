using Metering.Meters;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Metering.Service.Ledger;

/// <summary>
/// What batches bill per bucket and host, see <see cref="Conserved"/>. Buckets before <c>conserved_from</c> of table <c>meta</c> were filled before it was counted: their batches are read instead.
/// </summary>
[DbContext(typeof(MeteringContext))]
[Migration("20261122100000_Conservation")]
public sealed class ConservationSchema : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        var postgres = ActiveProvider!.Contains("Npgsql", StringComparison.Ordinal);
        var (text, number) = postgres ? ("text", "bigint") : ("TEXT", "INTEGER");
        var meters = string.Concat(MeterCatalogue.All.Select(meter => $", {meter.Column} {number} NOT NULL"));
        migrationBuilder.Sql($"""
            CREATE TABLE conservation (bucket {number} NOT NULL, host {text} NOT NULL, batches {number} NOT NULL, hash_first {number} NOT NULL, hash_second {number} NOT NULL,
                estimated_us {number} NOT NULL{meters}, PRIMARY KEY (bucket, host)){(postgres ? " WITH (fillfactor = 60)" : " WITHOUT ROWID")}
            """);
        migrationBuilder.Sql("INSERT INTO meta (key, value) SELECT 'conserved_from', CAST(MAX(bucket) + 3600 AS TEXT) FROM usage HAVING COUNT(*) > 0");
    }

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("A ledger is never taken apart; restore a backup instead.");
}
