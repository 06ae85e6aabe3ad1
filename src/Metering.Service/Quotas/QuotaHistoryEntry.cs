using Metering.Service.Alerts;

namespace Metering.Service.Quotas;

/// <summary>A transition as it is recorded.</summary>
/// <param name="Number">Counts the transitions of the quota, from 1; <c>qt_ID_NUMBER</c> is the id of its event.</param>
/// <param name="Former">The state before.</param>
internal sealed record QuotaHistoryEntry(long Number, DateTimeOffset At, string Former, QuotaCrossed Crossing);
