using System.Collections.Frozen;

namespace Metering.Exposition;

/// <summary>Names and units as Prometheus writes them.</summary>
internal static class MetricName
{
    private const string TotalSuffix = "_total";

    private static readonly FrozenDictionary<string, string> UnitWords = new Dictionary<string, string>
    {
        ["s"] = "seconds", ["ms"] = "milliseconds", ["us"] = "microseconds", ["ns"] = "nanoseconds", ["min"] = "minutes", ["h"] = "hours", ["d"] = "days",
        ["By"] = "bytes", ["KiBy"] = "kibibytes", ["MiBy"] = "mebibytes", ["GiBy"] = "gibibytes", ["By.s"] = "byte_seconds", ["Hz"] = "hertz",
        ["%"] = "percent", ["1"] = "",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The family name of an instrument: without <c>_total</c> when it is a counter, because OpenMetrics puts it only on the sample.</summary>
    public static string Family(string instrument, MetricType type)
    {
        var name = Sanitize(instrument, allowColon: true);
        return type == MetricType.Counter && name.Length > TotalSuffix.Length && name.EndsWith(TotalSuffix) ? name[..^TotalSuffix.Length] : name;
    }

    /// <summary>A label name. Reserved ones (<c>__name__</c>, <c>le</c>, <c>quantile</c>) are renamed: they would change what the series is.</summary>
    public static string Label(string key)
    {
        var name = Sanitize(key, allowColon: false);
        if (name.StartsWith("__")) return "exported" + name;
        return name is "le" or "quantile" ? "exported_" + name : name;
    }

    /// <summary>The unit as a word for the <c>UNIT</c> line; <c>{batches}</c> is an annotation and no unit.</summary>
    public static string Unit(string? unit)
    {
        if (string.IsNullOrEmpty(unit) || unit[0] == '{') return "";
        return UnitWords.TryGetValue(unit, out var word) ? word : Sanitize(unit, allowColon: false);
    }

    /// <summary>Every name that samples of the family may have in either format. No other family may use one of them.</summary>
    public static IEnumerable<string> SampleNames(string family, MetricType type) => type switch
    {
        MetricType.Counter => [family, family + TotalSuffix, family + "_created"],
        MetricType.Histogram => [family, family + "_bucket", family + "_sum", family + "_count", family + "_created"],
        _ => [family],
    };

    private static string Sanitize(string name, bool allowColon)
    {
        var valid = name.Length > 0 && !char.IsAsciiDigit(name[0]);
        foreach (var c in name) valid &= IsNameChar(c, allowColon);
        if (valid) return name;

        var chars = name.Select(c => IsNameChar(c, allowColon) ? c : '_');
        return string.Concat(name.Length == 0 || char.IsAsciiDigit(name[0]) ? chars.Prepend('_') : chars);
    }

    private static bool IsNameChar(char c, bool allowColon) => char.IsAsciiLetterOrDigit(c) || c == '_' || (allowColon && c == ':');
}
