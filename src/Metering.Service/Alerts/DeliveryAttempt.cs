namespace Metering.Service.Alerts;

/// <summary>One attempt as it went.</summary>
/// <param name="Answer">The beginning of what the receiver said, at most 1 KiB.</param>
internal sealed record DeliveryAttempt(DateTimeOffset At, decimal Seconds, string Outcome, int? Status, string Reason, string Answer);
