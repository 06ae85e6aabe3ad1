namespace Metering.Agent.Shipping;

/// <summary>The other side can not be reached or refuses us; the message is one sentence with cause and remedy. Worth another try later.</summary>
public sealed class TransportException(string message, Exception? inner = null) : Exception(message, inner);
