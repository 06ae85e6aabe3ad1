namespace Metering.Service.Quotas;

/// <summary>A threshold that went from one state to another. Into <c>firing</c> and <c>resolved</c> it is an alert.</summary>
internal sealed record QuotaTransition(QuotaThreshold Threshold, string Former, string State, QuotaReading Reading)
{
    /// <inheritdoc cref="QuotaState.SaidWindow"/>
    public long? SaidWindow { get; init; }
}
