namespace Metering.Service.Quotas;

/// <summary>How finely a quota's figure is kept.</summary>
internal enum QuotaSlots
{
    /// <summary>One figure for each calendar window.</summary>
    Windows,

    /// <summary>One for each bucket of the ledger: rolling windows and forecasts.</summary>
    Buckets,

    /// <summary>One for each minute: rates.</summary>
    Minutes,
}
