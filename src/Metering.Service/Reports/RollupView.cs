namespace Metering.Service.Reports;

/// <summary>How far the roll-up is behind cost reports by tenant.</summary>
/// <param name="Complete">All usage up to <paramref name="Until"/> is in it.</param>
/// <param name="PendingDays">Days that are still to be added up; reports read their rows instead.</param>
internal sealed record RollupView(bool Complete, int PendingDays, DateTimeOffset Until);
