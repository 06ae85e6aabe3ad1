namespace Metering.Service.Ledger;

/// <summary>Two transactions met; this one is rolled back and may be run again as a whole.</summary>
public sealed class LedgerConflictException(string message, Exception inner) : Exception(message, inner);
