using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>One row of costs. Cost and charges are exact, with all their digits; a cost of null means that no price holds, which is not the same as free.</summary>
internal sealed record CostRowView(
    DateTimeOffset Start, DateTimeOffset End, IReadOnlyDictionary<string, object> Key, string? Currency, Amount? Cost, IReadOnlyDictionary<string, Amount> Charges);
