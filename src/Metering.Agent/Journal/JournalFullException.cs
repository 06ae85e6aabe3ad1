namespace Metering.Agent.Journal;

/// <summary>The journal can take no more (its bound, or the disk). Baselines stay where they are, so the next pass that can be stored carries this usage too.</summary>
internal sealed class JournalFullException(string message, Exception? inner = null) : Exception(message, inner);
