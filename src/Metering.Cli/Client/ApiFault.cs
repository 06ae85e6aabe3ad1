namespace Metering.Cli.Client;

/// <summary>One thing that the service does not take.</summary>
/// <param name="Field">Where in the document, such as <c>prices[0].unit</c>; empty: the whole of it.</param>
internal sealed record ApiFault(string Field, string Text)
{
    /// <summary>It is not what it was when it was read; nothing was changed.</summary>
    public static readonly ApiFault Changed = new("", ChangedText);

    private const string ChangedText = "was changed by somebody else meanwhile; run the command again, which starts from what it is now.";

    /// <summary><see cref="Changed"/>, of one among several.</summary>
    public static ApiFault ChangedAt(string field) => new(field, $"{field} {ChangedText}");
}
