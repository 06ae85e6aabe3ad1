using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>
/// What a workload was charged for one meter, in one tier, on one day of its tenant. Cost = <see cref="Quantity"/> × <see cref="UnitPrice"/>, exactly; never rounded.
/// </summary>
internal sealed record ChargeRow
{
    public required string Tenant { get; init; }

    public required BillingPeriod Period { get; init; }

    public required LocalDate Day { get; init; }

    /// <summary>The ledger's id; 0: the tenant itself (prices per month).</summary>
    public required long Workload { get; init; }

    public required PriceLine Line { get; init; }

    /// <summary>From 0.</summary>
    public required int Tier { get; init; }

    /// <summary>The contract's terms that it falls under; null: none.</summary>
    public ContractTerms? Terms { get; init; }

    /// <summary>The first bucket and the end of the last one, Unix seconds.</summary>
    public required long From { get; init; }

    public required long To { get; init; }

    /// <summary>In 10⁻⁹ of <see cref="PriceLine.ChargeUnit"/>.</summary>
    public required Int128 Nano { get; init; }

    /// <summary>What was counted, in base units of the meter; on the first tier that a row of usage touched.</summary>
    public required Int128 Base { get; init; }

    /// <summary>Both terms of the basis, in base units; null: unknown, or the price is not by reservation.</summary>
    public Int128? Used { get; init; }

    public Int128? Reserved { get; init; }

    public decimal Quantity => Exactly(Nano);

    public decimal UnitPrice => Line.PriceOf(Tier);

    public Amount Cost => Amount.Of(Nano, Line.Prices[Tier]);

    /// <summary>Stable over ratings: what <c>/v1/charges/{id}/explain</c> is asked by.</summary>
    public string Key => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Tenant}/{Period}/{Day:uuuu-MM-dd}/{Workload}/{Line.Book}/{Line.Version}/{Line.Sku}/{Tier}") + (Terms?.ValidFrom is { } from ? $"/{from.ToUnixTimeSeconds()}" : "");

    internal static decimal Exactly(Int128 nano) => new Amount(checked(nano * PriceLine.PriceScale)).ToDecimal();
}
