using System.Text.Json.Serialization;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>One row of costs. Cost and charges are exact, with all their digits; a cost of null means that no price holds, which is not the same as free.</summary>
internal sealed record CostRowView(
    DateTimeOffset Start, DateTimeOffset End, IReadOnlyDictionary<string, object> Key, string? Currency, Amount? Cost, IReadOnlyDictionary<string, Amount> Charges)
{
    /// <summary>By meter, what one unit of the price list cost on average; a meter that was priced in several units is absent. Only where <c>with=unitCosts</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, UnitCost>? UnitCosts { get; init; }

    /// <summary>By meter, the share of what was reserved that was not used, over the time in which both are known; negative where more was used. Only where <c>with=idle</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, decimal>? IdleShares { get; init; }

    /// <summary>The same key in the time before. Only where <c>with=trend</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CostTrend? Trend { get; init; }
}
