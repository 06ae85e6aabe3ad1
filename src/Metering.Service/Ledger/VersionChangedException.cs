namespace Metering.Service.Ledger;

/// <summary>Thrown within a write transaction to give it up: what is to be changed is no longer, or not yet, what the caller has seen.</summary>
internal sealed class VersionChangedException(string message) : Exception(message);
