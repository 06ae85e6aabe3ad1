namespace Metering.Cli.Doctor;

/// <summary>Whether a family of meters can be had here, and why not more.</summary>
/// <param name="Availability"><c>exact</c>, <c>best-effort</c>, <c>partial</c> or <c>unavailable</c>.</param>
internal sealed record MeterCheck(string Family, string Availability, string Reason)
{
    /// <summary>Reads <c>best-effort: reason</c>.</summary>
    public static MeterCheck Parse(string family, string text)
    {
        var colon = text.IndexOf(':');
        return colon < 0 ? new MeterCheck(family, text, "") : new MeterCheck(family, text[..colon], text[(colon + 1)..].Trim());
    }
}
