namespace Metering.Tests.Support;

/// <summary>Something that must hold does not.</summary>
internal sealed class CheckFailedException(string message) : Exception(message);
