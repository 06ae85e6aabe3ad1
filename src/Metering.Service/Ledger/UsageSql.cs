using Metering.Meters;

namespace Metering.Service.Ledger;

/// <summary>The upsert of <c>usage</c>, for the meters that a group has.</summary>
internal static class UsageSql
{
    /// <summary>Meters with a bit in the mask, in catalogue order.</summary>
    public static Meter[] Columns(int mask) => [.. MeterCatalogue.All.Where(meter => (mask & (1 << meter.Index)) != 0)];

    public static string ColumnList(Meter[] columns) => string.Concat(columns.Select(meter => ", " + meter.Column));

    /// <summary>Unknown plus known is known; two knowns add up, or the larger peak stands.</summary>
    public static string OnConflict(Meter[] columns, bool postgres)
    {
        var larger = postgres ? "GREATEST" : "MAX";
        var sets = columns.Select(meter => meter.Kind == MeterKind.Peak
            ? $"{meter.Column} = COALESCE({larger}(usage.{meter.Column}, excluded.{meter.Column}), usage.{meter.Column}, excluded.{meter.Column})"
            : $"{meter.Column} = COALESCE(usage.{meter.Column} + excluded.{meter.Column}, usage.{meter.Column}, excluded.{meter.Column})");
        return "ON CONFLICT (bucket, workload) DO UPDATE SET " + string.Join(", ", sets.Append("estimated_us = usage.estimated_us + excluded.estimated_us").Append("unscraped_us = usage.unscraped_us + excluded.unscraped_us"));
    }
}
