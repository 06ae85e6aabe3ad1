namespace Metering.Safety;

/// <summary>A rule of the program itself does not hold; the message is the rule.</summary>
public sealed class InvariantException(string rule) : Exception($"An invariant does not hold: {rule}");
