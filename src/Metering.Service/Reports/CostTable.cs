using Metering.Meters;

namespace Metering.Service.Reports;

/// <summary>Cost rows as a table: one column for each dimension and each meter.</summary>
internal static class CostTable
{
    private static readonly string[] Charged = [.. MeterCatalogue.All.Select(meter => meter.Name), "workloadHours", "workloadMonths", "months"];

    public static IReadOnlyList<string> Header(UsageQuery query) => ["start", "end", .. KeyHeader(query), "currency", "cost", .. Charged];

    public static IReadOnlyList<object?> Row(UsageQuery query, CostRowView row) =>
        [row.Start, row.End, .. KeyValues(query, row.Key), row.Currency, row.Cost, .. Charged.Select(name => (object?)(row.Charges.TryGetValue(name, out var value) ? value : null))];

    public static IAsyncEnumerable<IReadOnlyList<object?>> Rows(UsageQuery query, IAsyncEnumerable<CostRowView> rows) => rows.Select(row => Row(query, row));

    public static IEnumerable<string> KeyHeader(UsageQuery query) =>
        query.GroupBy.SelectMany(dimension => dimension.Name == "workload" ? (IEnumerable<string>)["workloadId", "workloadKind", "workloadName", "workloadPath", "workloadHost"] : [dimension.Name]);

    public static IEnumerable<object?> KeyValues(UsageQuery query, IReadOnlyDictionary<string, object> key) =>
        query.GroupBy.SelectMany(dimension => key[dimension.Name] is WorkloadKey workload ? (IEnumerable<object?>)[workload.Id, workload.Kind, workload.Name, workload.Path, workload.Host] : [key[dimension.Name]]);
}
