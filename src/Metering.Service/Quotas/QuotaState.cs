namespace Metering.Service.Quotas;

/// <summary>Where a threshold of a quota is. One that is <c>ok</c> has none.</summary>
/// <param name="Window">Start of the calendar window that it is about; 0 where the figure comes and goes (rolling, rate, forecast, starved, below).</param>
/// <param name="Since">When this state began, Unix seconds.</param>
/// <param name="Amount">The threshold's amount when it began.</param>
internal sealed record QuotaState(long Window, string Threshold, long WindowEnd, string State, long Since, decimal Amount)
{
    /// <summary>The window in the key of its alert, when a change of zone has moved it since; else null.</summary>
    public long? SaidWindow { get; init; }

    public const string Ok = "ok", Pending = "pending", Firing = "firing";

    /// <summary>Of a window that has ended: its threshold has fired, and never does again.</summary>
    public const string Resolved = "resolved";
}
