namespace Metering.Cli.Client;

/// <summary>One thing that the service does not take.</summary>
/// <param name="Field">Where in the document, such as <c>prices[0].unit</c>; empty: the whole of it.</param>
internal sealed record ApiFault(string Field, string Text);
