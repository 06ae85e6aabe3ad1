using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Service.Ledger;

namespace Metering.Service.Verification.Checks;

/// <summary>The audit trail hangs together: no row is changed, none is missing between two others, none is cut off at the end.</summary>
internal sealed class AuditCheck : IVerifyCheck
{
    private const int ReportEvery = 10_000;

    public string Name => "audit";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        string? head;
        await using (var command = VerifyRun.Command(connection, "SELECT value FROM meta WHERE key = @key", ("@key", AuditTrail.Head)))
        {
            command.Transaction = snapshot;
            head = await command.ExecuteScalarAsync(cancel) as string;
        }

        var (number, hash, isChained) = (0L, AuditChain.Start, false);
        await using (var command = VerifyRun.Command(connection, AuditChain.Select + " ORDER BY id"))
        {
            command.Transaction = snapshot;
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                var (id, row, stored) = AuditChain.Read(rows);
                var expected = number + 1;
                if (stored is not null && row.Number != expected)
                {
                    yield return Fault(number, expected, row.Number == expected + 1 ? "this row is missing" : $"rows {expected} to {row.Number - 1} are missing");
                    yield break;
                }

                hash = AuditChain.Next(hash, row with { Number = expected });
                number = expected;
                isChained |= stored is not null;
                if (stored is null ? isChained : !stored.AsSpan().SequenceEqual(hash))
                {
                    yield return Fault(number, number, $"'{row.Action}' of '{row.Subject}' by {row.Actor} (id {id}) {(stored is null ? "is not part of the chain" : "is not as it was written")}, or what is before it");
                    yield break;
                }

                if (number % ReportEvery == 0) yield return new VerifyEvent(Name, number, number);
            }
        }

        if (head is not null && (!AuditChain.TryReadHead(head, out var last, out var lastHash) || last != number || !lastHash.AsSpan().SequenceEqual(hash)))
            yield return Fault(number, number + 1, last > number ? $"rows {number + 1} to {last} are missing at the end" : $"the trail ends at {AuditChain.Head(number, hash)}, recorded is {head}");
        else if (head is null && isChained) yield return Fault(number, number, "the end of the chain is not recorded in meta");
        else yield return new VerifyEvent(Name, number, number);
    }

    private VerifyEvent Fault(long done, long number, string detail) => new(Name, done, done) { Discrepancy = new Discrepancy("audit", string.Create(CultureInfo.InvariantCulture, $"number={number}"), detail) };
}
