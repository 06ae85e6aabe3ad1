using System.Globalization;

namespace Metering.Service.Ui;

/// <summary>Figures as people read them. What is unknown is "–".</summary>
internal static class Figures
{
    public const string Unknown = "–";

    private static readonly string[] ByteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Three to four significant digits.</summary>
    public static string Number(decimal value)
    {
        var size = Math.Abs(value);
        var format = size switch { 0 => "0", >= 100 => "#,##0", >= 10 => "0.0", >= 1 => "0.00", >= 0.1m => "0.000", >= 0.001m => "0.0000", _ => "0.######" };
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    public static string Seconds(decimal? seconds) => seconds is { } value ? value.ToString("#,##0.00", CultureInfo.InvariantCulture) : Unknown;

    public static string CoreHours(decimal? seconds) => seconds is { } value ? (value < 360 ? (value / 3600).ToString("0.0000", CultureInfo.InvariantCulture) : Number(value / 3600)) : Unknown;

    public static string Bytes(decimal? bytes) => bytes is { } value ? Scaled(value, "") : Unknown;

    public static string ByteHours(decimal? byteSeconds) => byteSeconds is { } value ? Scaled(value / 3600, "·h") : Unknown;

    public static string Cores(decimal? cores) => cores is { } value ? value.ToString("0.00", CultureInfo.InvariantCulture) : Unknown;

    /// <summary>Percent, never rounded up: what is not whole does not say 100, and what is not nothing does not say 0.</summary>
    public static string Share(decimal? share) => share switch
    {
        null => Unknown,
        0 => "0 %",
        > 0 and < 0.001m => "< 0.1 %",
        1 => "100 %",
        { } value => (Math.Floor(value * 1000) / 10).ToString("0.0", CultureInfo.InvariantCulture) + " %",
    };

    public static string Money(IReadOnlyDictionary<string, decimal> cost) =>
        cost.Count == 0 ? Unknown : string.Join(" + ", cost.Select(pair => pair.Key + " " + Amount(pair.Value)));

    public static string Money(string? currency, decimal? cost) => cost is { } known ? currency + " " + Amount(known) : Unknown;

    /// <summary>An instant to the minute, in UTC.</summary>
    public static string Stamp(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy HH:mm", CultureInfo.InvariantCulture);

    public static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy", CultureInfo.InvariantCulture);

    /// <summary>A span in its largest unit.</summary>
    public static string Age(TimeSpan span) => span.TotalSeconds < 120 ? $"{(int)span.TotalSeconds} s" : span.TotalMinutes < 120 ? $"{(int)span.TotalMinutes} min" : span.TotalHours < 48 ? $"{(int)span.TotalHours} h" : $"{(int)span.TotalDays} days";

    /// <summary>An exact figure with its unit, for those who point at a rounded one.</summary>
    public static string Exact(decimal? value, string unit) => value is { } known ? known.ToString("0.############################", CultureInfo.InvariantCulture) + " " + unit : "not known";

    public static string Exact(IReadOnlyDictionary<string, decimal> cost) => cost.Count == 0 ? "no price holds" : string.Join(" + ", cost.Select(pair => Exact(pair.Value, pair.Key)));

    // Two places as on an invoice; more for less than a unit, where two would show nothing.
    private static string Amount(decimal value) => value.ToString(Math.Abs(value) switch { 0 or >= 1 => "#,##0.00", >= 0.01m => "0.00##", _ => "0.00####" }, CultureInfo.InvariantCulture);

    private static string Scaled(decimal value, string suffix)
    {
        var unit = 0;
        for (; Math.Abs(value) >= 1024 && unit < ByteUnits.Length - 1; unit++) value /= 1024;
        return Number(value) + " " + ByteUnits[unit] + suffix;
    }
}
