using System.Globalization;

namespace Metering.Units;

/// <summary>Reads durations as people write them: <c>10s</c>, <c>500ms</c>, <c>15min</c>, <c>48h</c>, <c>2d</c>, or a .NET time span.</summary>
public static class Duration
{
    public static bool TryParse(string? text, out TimeSpan value)
    {
        value = default;
        if (string.IsNullOrWhiteSpace(text)) return false;
        text = text.Trim();
        var unit = text.TrimStart('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.');
        var ticks = unit switch
        {
            "ms" => TimeSpan.TicksPerMillisecond,
            "s" => TimeSpan.TicksPerSecond,
            "m" or "min" => TimeSpan.TicksPerMinute,
            "h" => TimeSpan.TicksPerHour,
            "d" => TimeSpan.TicksPerDay,
            _ => 0L,
        };
        if (ticks == 0) return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out value) && text.Contains(':');
        if (!decimal.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
        if (number > 36_500m * TimeSpan.TicksPerDay / ticks) return false;
        value = TimeSpan.FromTicks((long)(number * ticks));
        return true;
    }
}
