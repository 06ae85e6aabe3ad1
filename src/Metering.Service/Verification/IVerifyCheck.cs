namespace Metering.Service.Verification;

/// <summary>One rule that the ledger must keep. A check recomputes from stored batch bytes and never believes a total of the ledger's own.</summary>
internal interface IVerifyCheck
{
    /// <summary>Short, for the progress line: <c>receipts</c>.</summary>
    string Name { get; }

    /// <summary>Looks. Reads in pieces of about a second, each with a connection of its own, so that the writer and its checkpoints are never held up.</summary>
    IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, CancellationToken cancel);
}
