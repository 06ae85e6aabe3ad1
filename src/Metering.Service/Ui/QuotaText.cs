using System.Globalization;
using Metering.Service.Quotas;

namespace Metering.Service.Ui;

/// <summary>Quotas in words.</summary>
internal static class QuotaText
{
    public static string Subject(QuotaSubject subject) => subject.Fleet == true ? "the whole fleet" : string.Join(", ", subject.Names().Select(pair => $"{pair.Key} {pair.Value}"));

    public static string Meter(QuotaView quota) => quota.Kind == "starved" ? "waiting for CPU" : Measure.Find(quota.Meter)?.Title ?? quota.Meter;

    public static string Unit(QuotaView quota) => quota.Kind == "starved" ? "%" : quota.Meter == "cost" ? "" : Measure.Find(quota.Meter)?.Meter?.Unit ?? "";

    public static string Amount(decimal? value, QuotaView quota)
    {
        if (value is not { } known) return Figures.Unknown;
        if (Measure.Find(quota.Meter) is not { Meter: { } } measure || quota.Kind != "usage") return Figures.Number(known) + (Unit(quota) is { Length: > 0 } unit ? " " + unit : "");
        var (name, scale) = measure.UnitFor(known, "");
        return Figures.Number(known / scale) + " " + name;
    }

    public static string Exact(QuotaView quota) => $"{quota.Value?.ToString(CultureInfo.InvariantCulture) ?? "not known"} of {quota.EffectiveLimit.ToString(CultureInfo.InvariantCulture)} {Unit(quota)}".TrimEnd();

    public static string Line(QuotaView quota) => $"{Subject(quota.Subject)} · {Meter(quota)}, {Amount(quota.EffectiveLimit, quota)} · {(quota.Kind == "usage" ? quota.Window : quota.Kind)}";
}
