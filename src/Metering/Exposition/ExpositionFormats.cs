using System.Globalization;

namespace Metering.Exposition;

/// <summary>Content negotiation between the formats.</summary>
public static class ExpositionFormats
{
    private const string OpenMetricsMediaType = "application/openmetrics-text";
    private const string TextMediaType = "text/plain";

    // A scraper sends four ranges; a header beyond this is noise and answered with the default.
    private const int MaxRanges = 64;

    /// <summary>The value of <c>Content-Type</c>.</summary>
    public static string ContentType(this ExpositionFormat format) => format switch
    {
        ExpositionFormat.OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        _ => "text/plain; version=0.0.4; charset=utf-8",
    };

    /// <summary>
    /// The format for an <c>Accept</c> header: the one with the highest quality, the earlier one of equals, and 0.0.4 when neither is named.
    /// Nothing is ever "not acceptable": a person with a browser gets text too.
    /// </summary>
    public static ExpositionFormat Negotiate(string? accept)
    {
        var best = ExpositionFormat.PrometheusText;
        var bestQuality = 0.0;
        if (string.IsNullOrEmpty(accept)) return best;
        var ranges = 0;
        foreach (var range in accept.AsSpan().Split(','))
        {
            if (++ranges > MaxRanges) break;
            if (!TryRead(accept.AsSpan()[range], out var format, out var quality) || quality <= bestQuality) continue;
            best = format;
            bestQuality = quality;
        }

        return best;
    }

    private static bool TryRead(ReadOnlySpan<char> range, out ExpositionFormat format, out double quality)
    {
        format = ExpositionFormat.PrometheusText;
        quality = 1;
        ReadOnlySpan<char> type = default, version = default;
        var first = true;
        foreach (var part in range.Split(';'))
        {
            var text = range[part].Trim();
            if (first)
            {
                type = text;
                first = false;
                continue;
            }

            var equals = text.IndexOf('=');
            if (equals < 0) continue;
            var name = text[..equals].Trim();
            var value = text[(equals + 1)..].Trim().Trim('"');
            if (name.Equals("version", StringComparison.OrdinalIgnoreCase)) version = value;
            if (name.Equals("q", StringComparison.OrdinalIgnoreCase) &&
                !double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out quality)) return false;
        }

        if (type.Equals(OpenMetricsMediaType, StringComparison.OrdinalIgnoreCase))
        {
            format = ExpositionFormat.OpenMetrics;
            // 0.0.1 is an early draft that we do not write.
            return version.IsEmpty || version is "1.0.0";
        }

        return type.Equals(TextMediaType, StringComparison.OrdinalIgnoreCase) && (version.IsEmpty || version is "0.0.4");
    }
}
