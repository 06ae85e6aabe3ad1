using System.Runtime.CompilerServices;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;

namespace Metering.Service.Verification.Checks;

/// <summary>
/// Each day of the roll-up that reports take instead of rows (<c>rollup</c>, <c>rollup_part</c>) is what its rows of usage are, added up and charged anew. A day at a time within one view of the ledger: memory is one
/// day's parts. Days that wait to be added up are told, not judged: reports read their rows.
/// </summary>
internal sealed class RollupCheck : IVerifyCheck
{
    public string Name => "roll-up";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var days = await DaysAsync(run, cancel);
        var waiting = 0;
        for (var i = 0; i < days.Count; i++)
        {
            var (isJudged, faults) = await CompareAsync(run, days[i], cancel);
            if (!isJudged) waiting++;
            foreach (var fault in faults) yield return new VerifyEvent(Name, i + 1, days.Count) { Discrepancy = fault };
            yield return new VerifyEvent(Name, i + 1, days.Count);
        }

        if (waiting > 0) yield return new VerifyEvent(Name, days.Count, days.Count) { Note = $"{waiting} of {days.Count} days are still to be added up; reports read their rows, and a later verification looks at what is made of them" };
    }

    private static async Task<List<long>> DaysAsync(VerifyRun run, CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT day FROM rollup_day WHERE day >= @from AND day < @to ORDER BY day", ("@from", run.From), ("@to", run.To));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var days = new List<long>();
        while (await rows.ReadAsync(cancel)) days.Add(rows.GetInt64(0));
        return days;
    }

    // Not judged when it does not hold, or when a day before it does not: its charges begin where that one ends.
    private static async Task<(bool IsJudged, List<Discrepancy> Faults)> CompareAsync(VerifyRun run, long day, CancellationToken cancel)
    {
        var faults = new List<Discrepancy>();
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(run.Store, connection, snapshot);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var fingerprint = await RollupFingerprint.LoadAsync(view, prices, run.Options, cancel);
        if (!(await Rollup.DaysAsync(connection, day, day + 1, cancel)).TryGetValue(day, out var row) || !row.Holds(fingerprint)) return (false, faults);
        var before = await Rollup.BeforeAsync(view, day, prices, fingerprint, cancel);
        var (cells, parts, _) = await Rollup.ComputeAsync(view, day, row.Until, prices, await LedgerGrain.ReadAsync(view, run.Options), before, cancel);
        CompareCells(day, cells, (await Rollup.CellsAsync(connection, day, day + 1, cancel)).GetValueOrDefault(day) ?? [], faults);
        if (parts is null || !row.HasParts) return (false, faults);
        if (await PartComparison.RunAsync(connection, day, parts, cancel) is { } fault) faults.Add(fault);
        return (true, faults);
    }

    private static void CompareCells(long day, List<RollupCell> anew, List<RollupCell> stored, List<Discrepancy> faults)
    {
        var sums = stored.ToDictionary(cell => cell with { Base = 0 }, cell => cell.Base);
        foreach (var cell in anew)
        {
            var known = sums.Remove(cell with { Base = 0 }, out var sum);
            if (known && sum == cell.Base) continue;
            faults.Add(new Discrepancy("rollup", Key(day, cell), $"{(known ? $"the sum is {sum}" : "there is none")}, the rows add up to {cell.Base}; {PartComparison.Remedy(day)}"));
            return;
        }

        if (sums.Count > 0) faults.Add(new Discrepancy("rollup", Key(day, sums.First().Key), $"the sum is {sums.First().Value}, no row is in it; {PartComparison.Remedy(day)}"));
    }

    private static string Key(long day, RollupCell cell) => $"day={day} tenant={cell.Tenant} from_at={cell.From} book={cell.Book} version={cell.Version} sku={cell.Sku}";
}
