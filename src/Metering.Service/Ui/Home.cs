using Metering.Service.Live;
using Metering.Service.Quotas;
using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>What the first page shows, read at one instant for one caller. Immutable; pages of the same tenant share it.</summary>
/// <param name="Hosts">Empty for a reader of one tenant: hosts are shared.</param>
/// <param name="Coverage">Share of the last day that was metered, over all hosts; null: not known.</param>
internal sealed record Home(
    DateTimeOffset ReadAt, DateTimeOffset From, DateTimeOffset To, IReadOnlyList<HomeSum> Sums, IReadOnlyList<HomeTenant> Tenants, IReadOnlyList<DateTimeOffset> Days, IReadOnlyDictionary<string, IReadOnlyList<StackLine>> ByDay,
    LiveView Live, IReadOnlyList<QuotaView> Quotas, IReadOnlyList<HostView> Hosts, decimal? Coverage, bool HasPrices);

/// <summary>Sums of one currency.</summary>
/// <param name="Forecast">Null: not known, and <paramref name="Reason"/> says why.</param>
/// <param name="PerHour">At the rate of the last minute.</param>
internal sealed record HomeSum(string Currency, decimal ToDate, decimal? Forecast, string? Reason, decimal? PerHour);

/// <summary>A tenant of the first page; without a currency it has no price.</summary>
internal sealed record HomeTenant(string Tenant, string? Currency, decimal? ToDate, decimal? Forecast, decimal Cores, decimal? PerHour);
