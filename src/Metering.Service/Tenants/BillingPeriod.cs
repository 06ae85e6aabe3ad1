using System.Globalization;
using System.Runtime.InteropServices;
using NodaTime;
using NodaTime.Text;

namespace Metering.Service.Tenants;

/// <summary>One calendar month, the same for all tenants, each in its own zone.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct BillingPeriod(int Year, int Month) : IComparable<BillingPeriod>
{
    public BillingPeriod Next => Plus(1);

    public BillingPeriod Previous => Plus(-1);

    internal LocalDate First => new(Year, Month, 1);

    public BillingPeriod Plus(int months)
    {
        var date = First.PlusMonths(months);
        return new BillingPeriod(date.Year, date.Month);
    }

    /// <summary>Reads <c>2026-10</c>.</summary>
    public static bool TryParse(string? text, out BillingPeriod period)
    {
        var parsed = YearMonthPattern.Iso.Parse(text ?? "");
        period = parsed.Success ? new BillingPeriod(parsed.Value.Year, parsed.Value.Month) : default;
        return parsed.Success;
    }

    /// <summary>The same for what was written by us; throws <see cref="FormatException"/> otherwise.</summary>
    internal static BillingPeriod Parse(string text) => TryParse(text, out var period) ? period : throw new FormatException($"'{text}' is no month.");

    /// <summary>Its bounds in a zone, Unix seconds, end exclusive.</summary>
    public (long Start, long End) Bounds(DateTimeZone zone) => (TenantCalendar.StartOf(First, zone), TenantCalendar.StartOf(Next.First, zone));

    public int CompareTo(BillingPeriod other) => (Year, Month).CompareTo((other.Year, other.Month));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Year:D4}-{Month:D2}");

    public static bool operator <(BillingPeriod a, BillingPeriod b) => a.CompareTo(b) < 0;

    public static bool operator >(BillingPeriod a, BillingPeriod b) => a.CompareTo(b) > 0;

    public static bool operator <=(BillingPeriod a, BillingPeriod b) => a.CompareTo(b) <= 0;

    public static bool operator >=(BillingPeriod a, BillingPeriod b) => a.CompareTo(b) >= 0;
}
