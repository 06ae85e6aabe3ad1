using Metering.Meters;

namespace Metering.Service.Ledger;

/// <summary>Statements over <c>conservation</c>; columns in the order bucket, host, batches, both hashes, estimated, meters.</summary>
internal static class ConservationSql
{
    public static readonly string Columns = "bucket, host, batches, hash_first, hash_second, estimated_us" + string.Concat(MeterCatalogue.All.Select(meter => ", " + meter.Column));

    /// <summary>Adds what a group bills to what is there. SQLite has no exclusive or.</summary>
    public static string OnConflict(bool postgres)
    {
        var sets = new List<string> { "batches = conservation.batches + excluded.batches", Either("hash_first"), Either("hash_second"), Sum("estimated_us") };
        foreach (var meter in MeterCatalogue.All)
            sets.Add(meter.Kind != MeterKind.Peak ? Sum(meter.Column) : $"{meter.Column} = {(postgres ? "GREATEST" : "MAX")}(conservation.{meter.Column}, excluded.{meter.Column})");
        return "ON CONFLICT (bucket, host) DO UPDATE SET " + string.Join(", ", sets);

        string Either(string column) => postgres
            ? $"{column} = conservation.{column} # excluded.{column}"
            : $"{column} = (conservation.{column} | excluded.{column}) - (conservation.{column} & excluded.{column})";
        string Sum(string column) => $"{column} = (conservation.{column} + excluded.{column}) % {Conserved.Modulus}";
    }

    /// <summary>Reads a row from a column on: batches, hashes, estimated, meters.</summary>
    public static Conserved Read(System.Data.Common.DbDataReader row, int at)
    {
        var read = new Conserved { Batches = row.GetInt64(at), HashFirst = row.GetInt64(at + 1), HashSecond = row.GetInt64(at + 2), Estimated = row.GetInt64(at + 3) };
        for (var i = 0; i < read.Values.Length; i++) read.Values[i] = row.GetInt64(at + 4 + i);
        return read;
    }
}
