using System.Runtime.CompilerServices;
using Metering.Service.Billing;
using Metering.Service.Tenants;

namespace Metering.Service.Verification.Checks;

/// <summary>Manifests hash to their hashes, name the one before, and count and hash what is stored.</summary>
internal sealed class ManifestCheck : IVerifyCheck
{
    public string Name => "manifests";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        var closed = await InvoiceStore.PeriodsAsync(connection, cancel);
        var previous = "";
        for (var i = 0; i < closed.Count; i++)
        {
            var fault = await FaultAsync(connection, closed[i], previous, cancel);
            previous = closed[i].Hash;
            yield return new VerifyEvent(Name, i + 1, closed.Count) { Discrepancy = fault is null ? null : new Discrepancy("period", $"id={closed[i].Id}", fault) };
        }

        // What voids an invoice, or takes the place of one, is issued in the open period; its manifest will have it.
        var open = closed.Count == 0 ? "" : BillingPeriod.Parse(closed[^1].Id).Next.ToString();
        await using var stray = VerifyRun.Command(connection, "SELECT MIN(number) FROM invoice WHERE period NOT IN (SELECT id FROM period) AND (cause = '' OR period <> @open)", ("@open", open));
        stray.Transaction = snapshot;
        if (await stray.ExecuteScalarAsync(cancel) is { } number and not DBNull) yield return new VerifyEvent(Name, closed.Count, closed.Count) { Discrepancy = new Discrepancy("invoice", $"number={number}", "its period is not closed") };
    }

    private static async Task<string?> FaultAsync(System.Data.Common.DbConnection connection, ClosedPeriod closed, string previous, CancellationToken cancel)
    {
        if (PeriodManifest.Hash(closed.Manifest) != closed.Hash) return $"its manifest hashes to {PeriodManifest.Hash(closed.Manifest)}, recorded is {closed.Hash}";
        var manifest = PeriodManifest.Read(closed.Manifest);
        if (manifest.Previous != previous || closed.Previous != previous) return $"it follows the manifest {manifest.Previous}, the one before it is {(previous.Length == 0 ? "none" : previous)}";
        if (manifest.Period != closed.Id || manifest.Configuration != closed.Configuration) return "its manifest is another period's";
        using var hash = new ChargeHash();
        await foreach (var charge in ChargeStore.ReadAsync(connection, "period = @value", closed.Id, cancel)) hash.Add(charge);
        var (count, sum) = (hash.Count, hash.End());
        if (count != manifest.Charges || sum != manifest.ChargesSha256) return $"{count} charges hash to {sum}, the manifest has {manifest.Charges} and {manifest.ChargesSha256}";
        var issued = new List<(string Id, string Sha256)>();
        await using (var command = VerifyRun.Command(connection, "SELECT number, json FROM invoice WHERE period = @period ORDER BY number", ("@period", closed.Id)))
        {
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel)) issued.Add((InvoiceDocument.IdOf(rows.GetInt64(0)), PeriodManifest.Hash(rows.GetString(1))));
        }

        var expected = manifest.Documents.Select(one => (one.Id, one.Sha256)).ToList();
        return issued.SequenceEqual(expected) ? null : $"it has issued {string.Join(", ", expected.Except(issued).Select(one => one.Id).DefaultIfEmpty("other documents"))}, which is not there as it was issued";
    }
}
