using System.Globalization;

namespace Metering.Service.Quotas;

/// <summary>A threshold of a quota.</summary>
/// <param name="Key">Names it within the quota: <c>80</c> (percent), or <c>=5000</c> (an amount).</param>
/// <param name="Stated">As the quota states it.</param>
/// <param name="Amount">In the unit of the limit.</param>
internal sealed record QuotaThreshold(string Key, decimal Stated, bool IsPercent, decimal Amount)
{
    public static QuotaThreshold Percent(decimal percent, decimal limit) => new(Text(percent), percent, true, limit * percent / 100);

    public static QuotaThreshold Absolute(decimal amount) => new("=" + Text(amount), amount, false, amount);

    /// <summary>A threshold that the quota no longer has, from its key.</summary>
    public static QuotaThreshold Former(string key, decimal amount) => new(key, decimal.Parse(key.TrimStart('='), CultureInfo.InvariantCulture), key[0] != '=', amount);

    internal static string Text(decimal value) => value.ToString("0.############################", CultureInfo.InvariantCulture);
}
