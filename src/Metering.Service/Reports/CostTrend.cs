using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>A row against the same key in the time before: the previous month or months for whole months, otherwise as long a time just before.</summary>
/// <param name="Previous">Null: there was no usage, or no price held.</param>
/// <param name="Change">Cost less the previous one; null when either is not known.</param>
/// <param name="ChangeShare">The change as a share of the previous cost, to 6 places; null when that is nothing or not known.</param>
internal sealed record CostTrend(DateTimeOffset Start, DateTimeOffset End, Amount? Previous, Amount? Change, decimal? ChangeShare)
{
    public static CostTrend Of(CostRowView row, CostRowView? previous, (DateTimeOffset Start, DateTimeOffset End) before)
    {
        var change = row.Cost is { } now && previous?.Cost is { } then ? now - then : (Amount?)null;
        return new CostTrend(before.Start, before.End, previous?.Cost, change, change is { } grown && previous!.Cost is { } cost && cost != Amount.Zero ? Math.Round(grown.ToNearest() / cost.ToNearest(), 6) : null);
    }
}
