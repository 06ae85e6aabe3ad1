namespace Metering.Service.Reports.Schedules;

/// <summary>A schedule and its last occurrence.</summary>
/// <param name="LastOccurrence">Null: none yet.</param>
internal sealed record ScheduleView(string Id, ReportSchedule Schedule, DateTimeOffset? LastOccurrence, DateTimeOffset? DeliveredAt, string? Error)
{
    /// <summary>What the last occurrence is called in <c>/runs/{occurrence}</c>: its Unix seconds.</summary>
    public long? LastRun => LastOccurrence?.ToUnixTimeSeconds();
}
