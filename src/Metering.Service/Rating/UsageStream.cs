using System.Data.Common;
using System.Globalization;
using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>Stored usage in canonical order (bucket, workload), as rating takes it.</summary>
internal static class UsageStream
{
    /// <summary>Told of a row; the values are valid during the call.</summary>
    public delegate void Row(string tenant, long bucket, long workload, ReadOnlySpan<long> values, int known);

    /// <summary>Rows from one instant to another (Unix seconds), of all tenants.</summary>
    public static async Task ReadAsync(DbConnection connection, long from, long to, Row row, CancellationToken cancel)
    {
        await using var command = Command(connection, from, to);
        var values = new long[MeterCatalogue.All.Count];
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var known = Values(rows, 3, values);
            row(rows.GetString(2), rows.GetInt64(0), rows.GetInt64(1), values, known);
        }
    }

    /// <summary>Selects bucket, workload, tenant and the meters of the same rows.</summary>
    public static DbCommand Command(DbConnection connection, long from, long to)
    {
        var command = connection.CreateCommand();
        command.CommandText = "SELECT u.bucket, u.workload, COALESCE(o.tenant, 'unattributed')" + string.Concat(MeterCatalogue.All.Select(meter => ", u." + meter.Column)) +
            " FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to" +
            string.Create(CultureInfo.InvariantCulture, $" WHERE u.bucket >= {from} AND u.bucket < {to} ORDER BY u.bucket, u.workload");
        return command;
    }

    /// <summary>Reads the meters' columns, of which the first is given, and which of them are known.</summary>
    public static int Values(DbDataReader rows, int first, long[] values)
    {
        var known = 0;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = 0;
            if (rows.IsDBNull(first + i)) continue;
            values[i] = rows.GetInt64(first + i);
            known |= 1 << i;
        }

        return known;
    }
}
