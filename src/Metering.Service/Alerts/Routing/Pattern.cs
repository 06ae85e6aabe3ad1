namespace Metering.Service.Alerts.Routing;

/// <summary>A text in which <c>*</c> stands for any run of characters; everything else is meant literally, case included.</summary>
internal static class Pattern
{
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        // The classic walk with one point to go back to: linear for what people write, and never exponential.
        var (p, t, star, mark) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*') (star, mark, p) = (p, t, p + 1);
            else if (p < pattern.Length && pattern[p] == text[t]) (p, t) = (p + 1, t + 1);
            else if (star >= 0) (p, mark, t) = (star + 1, mark + 1, mark + 1);
            else return false;
        }

        return pattern[p..].TrimStart('*').IsEmpty;
    }
}
