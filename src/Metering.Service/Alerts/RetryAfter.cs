using System.Globalization;

namespace Metering.Service.Alerts;

/// <summary>Reads <c>Retry-After</c>: seconds or an HTTP date (RFC 9110 §10.2.3).</summary>
internal static class RetryAfter
{
    private static readonly string[] DateFormats = ["r", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"];

    /// <summary>The wait, up to <paramref name="max"/>; null when the header is absent, malformed, negative or in the past.</summary>
    public static TimeSpan? Parse(string? text, DateTimeOffset now, TimeSpan max)
    {
        text = text?.Trim();
        if (string.IsNullOrEmpty(text)) return null;
        if (text.All(char.IsAsciiDigit))
        {
            // Too many digits for a number are still an honest "very long".
            var seconds = text.Length > 9 ? double.MaxValue : double.Parse(text, CultureInfo.InvariantCulture);
            return seconds == 0 ? null : seconds >= max.TotalSeconds ? max : TimeSpan.FromSeconds(seconds);
        }

        if (!DateTimeOffset.TryParseExact(text, DateFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowWhiteSpaces, out var until)) return null;
        var wait = until - now;
        return wait <= TimeSpan.Zero ? null : wait > max ? max : wait;
    }
}
