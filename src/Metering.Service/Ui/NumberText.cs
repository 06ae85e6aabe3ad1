using System.Globalization;

namespace Metering.Service.Ui;

/// <summary>A number that was typed into a form.</summary>
internal static class NumberText
{
    // What a decimal holds for certain.
    private const int MaxDigits = 28;

    /// <summary>0 or more, with a point; null with cause and remedy when it is not that.</summary>
    /// <param name="what">What the number is: <c>price</c>.</param>
    /// <param name="example">One that is right: <c>0.05</c>.</param>
    public static decimal? Read(string? text, string what, string example, out string fault)
    {
        fault = "";
        var typed = (text ?? "").Trim();
        if (decimal.TryParse(typed, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)) return value;
        fault = typed switch
        {
            "" => $"The {what} is missing; write a number, such as {example}.",
            ['-', .. var rest] when decimal.TryParse(rest, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _) => $"The {what} '{typed}' is below 0; write a number of 0 or more, such as {example}.",
            _ when typed.All(c => char.IsAsciiDigit(c) || c == '.') && typed.Count(c => c == '.') <= 1 && typed.Count(char.IsAsciiDigit) > MaxDigits => $"The {what} has {typed.Count(char.IsAsciiDigit)} digits; {MaxDigits} are the most.",
            _ => $"The {what} '{typed}' is no number; write it with a point, such as {example}.",
        };
        return null;
    }
}
