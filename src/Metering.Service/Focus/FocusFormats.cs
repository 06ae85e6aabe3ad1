using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.Service.Tenants;

namespace Metering.Service.Focus;

/// <summary>Formats of the specification, over the bytes of a field that is not null.</summary>
internal static partial class FocusFormats
{
    private static readonly string[] Nulls = ["NULL", "N/A", "NaN", "none"];

    public static bool IsOf(FocusType type, ReadOnlySpan<byte> text) => type switch
    {
        FocusType.Decimal => FocusNumber.TryParse(text, out _),
        FocusType.Time => TryTime(text, out _),
        FocusType.Json => IsObject(text),
        _ => IsText(text),
    };

    /// <summary><c>YYYY-MM-DDTHH:mm:ssZ</c> as a number that grows with time.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.Length != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z') return false;
        foreach (var i in (ReadOnlySpan<int>)[0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18])
        {
            if (text[i] is < (byte)'0' or > (byte)'9') return false;
            value = value * 10 + (text[i] - '0');
        }

        var (month, day, hour) = (value / 100_000_000 % 100, value / 1_000_000 % 100, value / 10_000 % 100);
        return month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth((int)Math.Clamp(value / 10_000_000_000, 1, 9999), (int)month) && hour < 24 && value / 100 % 100 < 60 && value % 100 < 60;
    }

    /// <summary>Of ISO 4217.</summary>
    public static bool IsCurrency(string text) => Currency.Fault(text) is null;

    /// <summary>In the grammar: <c>GiB</c>, <c>Requests</c>, <c>Core-Hours</c>, <c>Requests/Day</c>, <c>1000 Requests</c>.</summary>
    public static bool IsUnit(string text) => Unit().IsMatch(text);

    /// <summary>An object whose values are texts, numbers, true, false or null, with distinct keys.</summary>
    public static bool IsFlat(ReadOnlySpan<byte> text) => Walk(text, flat: true, pascal: false);

    /// <summary>An object whose keys are PascalCase, or ours (<c>x_</c>).</summary>
    public static bool HasKeys(ReadOnlySpan<byte> text) => Walk(text, flat: false, pascal: true);

    private static bool IsObject(ReadOnlySpan<byte> text) => Walk(text, flat: false, pascal: false);

    // What stands for null in other formats is none here.
    private static bool IsText(ReadOnlySpan<byte> text)
    {
        if (text.Length > 4) return true;
        var value = Encoding.UTF8.GetString(text);
        return Array.TrueForAll(Nulls, known => !string.Equals(known, value, StringComparison.OrdinalIgnoreCase)) && !string.IsNullOrWhiteSpace(value);
    }

    private static bool Walk(ReadOnlySpan<byte> text, bool flat, bool pascal)
    {
        try
        {
            var reader = new Utf8JsonReader(text);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            HashSet<string>? keys = flat ? new(StringComparer.Ordinal) : null;
            while (reader.Read())
            {
                if (flat && reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray) return false;
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                if (keys is not null && !keys.Add(reader.GetString()!)) return false;
                if (pascal && !Key().IsMatch(reader.GetString()!)) return false;
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^([1-9]\d* )?([A-Z][A-Za-z]*|[KMGTP]i?B)(-[A-Z][a-z]+)*(/([1-9]\d* )?[A-Z][A-Za-z]*)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Unit();

    [GeneratedRegex("^(x_)?[A-Z][A-Za-z0-9]*$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Key();
}
