using System.Globalization;
using Metering.Service.Quotas;

namespace Metering.Service.Ui;

/// <summary>Quotas and their alerts in words.</summary>
internal static class QuotaText
{
    public static string Subject(QuotaSubject subject) => subject.Fleet == true ? "the whole fleet" : string.Join(", ", subject.Names().Select(pair => $"{pair.Key} {Isolated.Name(pair.Value)}"));

    public static string Meter(QuotaView quota) => Meter(quota.Meter, quota.Kind);

    public static string Meter(string meter, string kind) => kind == "starved" ? "waiting for CPU" : Measure.Find(meter)?.Title ?? meter;

    public static string Amount(decimal? value, QuotaView quota) => Amount(value, quota.Meter, quota.Kind, quota.EffectiveLimit, quota.Currency);

    /// <summary>A figure in the unit that reads well; that of a rate is by second, as the kernel's counters are, and of a cost by hour.</summary>
    /// <param name="meter">A meter's API name, or <c>cost</c>.</param>
    /// <param name="kind"><c>usage</c>, <c>rate</c>, <c>forecast</c> or <c>starved</c>.</param>
    /// <param name="limit">What it is seen beside, whose unit it takes; null: it stands alone.</param>
    /// <param name="currency">Of a cost; null: not known.</param>
    public static string Amount(decimal? value, string meter, string kind, decimal? limit = null, string? currency = null)
    {
        if (value is not { } known) return Figures.Unknown;
        if (kind == "starved") return Figures.Number(known) + " %";
        if (meter == Measure.Cost.Name) return known.ToString("#,##0.00", CultureInfo.InvariantCulture) + (currency is null ? "" : " " + currency) + (kind == "rate" ? " an hour" : "");
        if (Measure.Find(meter) is not { Meter: { } counted } measure) return Figures.Number(known);
        if (kind == "rate")
        {
            return counted.Unit switch
            {
                "seconds" => Figures.Number(known) + (meter == "cpuSeconds" ? " cores" : " seconds a second"),
                "byte-seconds" => Figures.Bytes(known),
                "bytes" => Figures.Bytes(known) + "/s",
                var unit => $"{Figures.Number(known)} {unit} a second",
            };
        }

        var (name, scale) = measure.UnitFor(limit ?? known, "");
        return Figures.Number(known / scale) + " " + name;
    }

    public static string Exact(QuotaView quota) => $"{quota.Value?.ToString(CultureInfo.InvariantCulture) ?? "not known"} of {quota.EffectiveLimit.ToString(CultureInfo.InvariantCulture)} {Unit(quota)}".TrimEnd();

    public static string Line(QuotaView quota) => $"{Subject(quota.Subject)} · {Meter(quota)}, {Amount(quota.EffectiveLimit, quota)} · {(quota.Kind == "usage" ? quota.Window : quota.Kind)}";

    private static string Unit(QuotaView quota) => quota.Kind == "starved" ? "%" : (quota.Currency ?? Measure.Find(quota.Meter)?.Meter?.Unit ?? "") + (quota.Kind != "rate" ? "" : quota.Currency is null ? " a second" : " an hour");
}
