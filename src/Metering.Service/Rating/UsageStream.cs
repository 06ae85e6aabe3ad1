using System.Data.Common;
using System.Globalization;
using Metering.Meters;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Metering.Service.Rating;

/// <summary>Stored usage in canonical order (bucket, workload), as rating takes it. Read past the drivers' row readers, which cost more than all of rating.</summary>
internal static class UsageStream
{
    private const long Day = 86_400;
    private static readonly int[] All = [.. MeterCatalogue.All.Select(meter => meter.Index)];

    /// <summary>Where a row's values have, after those of the meters, the CPU microseconds that a scraper would have missed.</summary>
    public static readonly int Unscraped = MeterCatalogue.All.Count;

    /// <summary>Told of a row; the values are valid during the call.</summary>
    public delegate void Row(string tenant, long bucket, long workload, ReadOnlySpan<long> values, int known);

    /// <summary>The same without the owner, and with the CPU microseconds that were split by time.</summary>
    public delegate void RawRow(long bucket, long workload, long estimated, ReadOnlySpan<long> values, int known);

    /// <summary>Rows from one instant to another (Unix seconds), of all tenants.</summary>
    /// <param name="pause">Called after each row and waited for: whoever writes on what it is told can keep up.</param>
    public static async Task ReadAsync(DbConnection connection, long from, long to, Row row, CancellationToken cancel, Func<ValueTask>? pause = null)
    {
        var owners = await OwnerIndex.ReadAsync(connection, from, to, cancel);
        await ReadAsync(connection, from, to, (bucket, workload, _, values, known) => row(owners.At(workload, bucket).Tenant, bucket, workload, values, known), cancel, pause);
    }

    /// <inheritdoc cref="ReadAsync(DbConnection, long, long, Row, CancellationToken, Func{ValueTask})"/>
    /// <param name="meters">What is read: the fewer, the faster. Others are not known in any row. Null: all.</param>
    public static async Task ReadAsync(DbConnection connection, long from, long to, RawRow row, CancellationToken cancel, Func<ValueTask>? pause = null, IEnumerable<Meter>? meters = null)
    {
        int[] columns = [.. meters?.Select(meter => meter.Index).Distinct().Order() ?? All.AsEnumerable(), Unscraped];
        if (connection is SqliteConnection sqlite)
        {
            await ReadSqliteAsync(sqlite, from, to, columns, row, pause, cancel);
            return;
        }

        // Day by day: sorted in memory where the planner does not walk the key, and no statement reaches its timeout.
        await using var command = Verification.VerifyRun.Command(connection, "SELECT MIN(bucket), MAX(bucket) FROM usage WHERE bucket >= @from AND bucket < @to", ("@from", from), ("@to", to));
        long first, last;
        await using (var bounds = await command.ExecuteReaderAsync(cancel))
        {
            if (!await bounds.ReadAsync(cancel) || bounds.IsDBNull(0)) return;
            (first, last) = (bounds.GetInt64(0), bounds.GetInt64(1));
        }

        for (var at = first; at <= last; at += Day) await ReadPostgresAsync((NpgsqlConnection)connection, at, Math.Min(at + Day, last + 1), columns, row, pause, cancel);
    }

    private static string Select(IEnumerable<int> columns) =>
        "SELECT bucket, workload, estimated_us" + string.Concat(columns.Select(index => ", " + (index == Unscraped ? "unscraped_us" : MeterCatalogue.All[index].Column))) + " FROM usage";

    private static async Task ReadSqliteAsync(SqliteConnection connection, long from, long to, int[] columns, RawRow row, Func<ValueTask>? pause, CancellationToken cancel)
    {
        using var select = new SqliteStatement(connection, Select(columns) + " WHERE bucket >= ?1 AND bucket < ?2 ORDER BY bucket, workload");
        select.Bind(1, from);
        select.Bind(2, to);
        var values = new long[MeterCatalogue.All.Count + 1];
        for (var n = 0; select.Step(); n++)
        {
            if (n % 4096 == 0) cancel.ThrowIfCancellationRequested();
            var known = 0;
            for (var i = 0; i < columns.Length; i++)
            {
                // Null reads as zero, so only a zero has to be asked.
                var value = select.Number(i + 3);
                values[columns[i]] = value;
                if (value != 0 || !select.IsNull(i + 3)) known |= 1 << columns[i];
            }

            row(select.Number(0), select.Number(1), select.Number(2), values, known);
            if (pause is not null) await pause();
        }
    }

    private static async Task ReadPostgresAsync(NpgsqlConnection connection, long from, long to, int[] columns, RawRow row, Func<ValueTask>? pause, CancellationToken cancel)
    {
        var sql = Select(columns) + string.Create(CultureInfo.InvariantCulture, $" WHERE bucket >= {from} AND bucket < {to} ORDER BY bucket, workload");
        await using var copy = new PostgresCopyReader(await connection.BeginRawBinaryCopyAsync($"COPY ({sql}) TO STDOUT (FORMAT BINARY)", cancel));
        var fields = new long[columns.Length + 3];
        var values = new long[MeterCatalogue.All.Count + 1];
        while (true)
        {
            if (!copy.TryRead(fields, out var known))
            {
                if (!await copy.FillAsync(cancel)) return;
                continue;
            }

            var mine = 0;
            for (var i = 0; i < columns.Length; i++)
            {
                values[columns[i]] = fields[i + 3];
                mine |= (int)(known >> (i + 3) & 1) << columns[i];
            }

            row(fields[0], fields[1], fields[2], values, mine);
            if (pause is not null) await pause();
        }
    }
}
