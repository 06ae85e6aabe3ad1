namespace Metering.Tests.LineProtocol;

/// <summary>A point. Integers are <see cref="long"/>, floats <see cref="double"/>.</summary>
internal sealed record ParsedLine(string Measurement, SortedDictionary<string, string> Tags, SortedDictionary<string, object> Fields, long Time)
{
    /// <summary>What two points have in common when one takes the other's place, but for the time.</summary>
    public string Series => Measurement + string.Concat(Tags.Select(tag => $"|{tag.Key}={tag.Value}"));
}
