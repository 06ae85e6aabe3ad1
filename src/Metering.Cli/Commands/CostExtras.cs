using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;

namespace Metering.Cli.Commands;

/// <summary>The columns that <c>cost --with</c> asks for.</summary>
internal static class CostExtras
{
    /// <summary>A column and what a row has in it; "–" where it has nothing, which is not 0.</summary>
    internal sealed record Column(string Title, Func<JsonElement, string> Text);

    /// <summary>Those that the rows have: none when none was asked for.</summary>
    public static IReadOnlyList<Column> Of(IReadOnlyList<JsonElement> rows)
    {
        var columns = new List<Column>();
        if (Has(rows, "trend")) columns.AddRange([new("before", row => Trend(row, "previous", "0.00########")), new("change", row => Trend(row, "change", "+0.00########;-0.00########;0")), new("change %", row => Trend(row, "changeShare", "+#,##0.0%;-#,##0.0%;0%"))]);
        if (Has(rows, "unitCosts")) columns.Add(new("unit costs", row => Pairs(row, "unitCosts", UnitCost)));
        if (Has(rows, "idleShares")) columns.Add(new("idle", row => Pairs(row, "idleShares", share => Number(share, "0.#%"))));
        return columns;
    }

    private static bool Has(IReadOnlyList<JsonElement> rows, string name) => rows.Any(row => row.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object);

    private static string Trend(JsonElement row, string name, string format) => row.TryGetProperty("trend", out var trend) && trend.ValueKind == JsonValueKind.Object && trend.TryGetProperty(name, out var value) ? Number(value, format) : "–";

    private static string Pairs(JsonElement row, string name, Func<JsonElement, string> text) =>
        row.TryGetProperty(name, out var pairs) && pairs.ValueKind == JsonValueKind.Object && pairs.EnumerateObject().Any() ? string.Join(", ", pairs.EnumerateObject().Select(pair => $"{Tables.Inert(pair.Name)} {text(pair.Value)}")) : "–";

    private static string UnitCost(JsonElement value) => value.ValueKind == JsonValueKind.Object && value.TryGetProperty("cost", out var cost) ? $"{Number(cost, "0.##########")} per {Tables.Inert(Tables.Text(value, "unit"))}" : "–";

    private static string Number(JsonElement value, string format) => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) ? number.ToString(format, CultureInfo.InvariantCulture) : value.ValueKind == JsonValueKind.Number ? value.GetRawText() : "–";
}
