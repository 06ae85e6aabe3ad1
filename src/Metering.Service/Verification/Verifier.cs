using System.Runtime.CompilerServices;
using Metering.Service.Ledger;
using Metering.Service.Verification.Checks;

namespace Metering.Service.Verification;

/// <summary>
/// Recomputes the ledger from the stored batch bytes, check after check in the order of the line. A new stage (charges, invoices, manifests) adds its check to the list.
/// It may run while batches come in: every figure is compared within one view of the ledger.
/// </summary>
internal sealed class Verifier(LedgerStore store, LedgerOptions options)
{
    /// <summary>A check stops here: by then the cause is one and the rest are its consequences.</summary>
    private const int MaxDiscrepancies = 10;

    private static IVerifyCheck[] Checks() => [new ReceiptCheck(), new ReadingCheck(), new UsageCheck(), new RollupCheck(), new QuarantineCheck(), new ConfigurationCheck(), new ChargeCheck(), new InvoiceCheck(), new ManifestCheck(), new AuditCheck()];

    /// <summary>Runs every check; the last event has the summary.</summary>
    public async IAsyncEnumerable<VerifyEvent> RunAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var run = new VerifyRun(store, options);
        await run.BeginAsync(cancel);
        var found = new List<Discrepancy>();
        foreach (var check in Checks())
        {
            var ofCheck = 0;
            await foreach (var one in check.RunAsync(run, cancel))
            {
                yield return one;
                if (one.Discrepancy is not { } discrepancy) continue;
                found.Add(discrepancy);
                VerifyMetrics.Found(discrepancy.Table);
                if (++ofCheck == MaxDiscrepancies) break;
            }
        }

        VerifyMetrics.Ended(found.Count);
        yield return new VerifyEvent("done", run.Batches, run.Receipts)
        {
            Done = new VerifySummary(found.Count == 0, run.Batches, run.Records, run.Rows, found.Count, found.Count > 0 ? found[0] : null),
        };
    }
}
