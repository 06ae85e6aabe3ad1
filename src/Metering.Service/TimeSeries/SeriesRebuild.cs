using System.Runtime.CompilerServices;
using Metering.LineProtocol;
using Metering.Service.Ledger;
using Metering.Service.Verification;

namespace Metering.Service.TimeSeries;

/// <summary>Writes the points of a span again, from the batches that the ledger keeps. The cursor stays where it is.</summary>
internal sealed class SeriesRebuild(LedgerStore store, LedgerOptions options, SeriesSender sender, SeriesState state, TimeProvider clock)
{
    private static readonly TimeSpan Tell = TimeSpan.FromSeconds(1);

    /// <param name="from">Unix microseconds; windows that reach into the span are written whole.</param>
    /// <param name="to">Exclusive.</param>
    public async IAsyncEnumerable<RebuildEvent> RunAsync(long from, long to, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (agents, total) = await BeginAsync(from, to, cancel);
        var lines = new LineBuffer();
        long batches = 0, points = 0, lost = 0, expired = 0;
        yield return new RebuildEvent(0, total, 0, 0, 0, null, false);
        foreach (var (agent, host) in agents)
        {
            for (var after = 0L; ;)
            {
                var (found, last, gone) = await ReadAsync(lines, agent, host, after, from, to, cancel);
                if (last == after) break;
                after = last;
                var parked = new List<ParkedLine>();
                var sending = sender.SendAsync(lines, parked, cancel);
                while (await Task.WhenAny(sending, Task.Delay(Tell, clock, cancel)) != sending) yield return new RebuildEvent(batches, total, points, lost, expired, state.Trouble.Trouble, false);
                await sending;
                if (parked.Count > 0) await store.WriteAsync(transaction => SeriesParking.AddAsync(transaction, parked, clock.GetUtcNow()), cancel);
                (batches, points, lost, expired) = (batches + found, points + lines.Count - parked.Count, lost + parked.Count, expired + gone);
                yield return new RebuildEvent(batches, total, points, lost, expired, null, false);
            }
        }

        yield return new RebuildEvent(batches, total, points, lost, expired, null, true);
    }

    private async Task<(List<(long Id, string Host)> Agents, long Total)> BeginAsync(long from, long to, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        var agents = new List<(long, string)>();

        // The index receipt_window.
        await using (var count = VerifyRun.Command(connection, "SELECT COUNT(*) FROM receipt WHERE window_end > @from AND window_start < @to AND quarantined = 0", ("@from", from), ("@to", to)))
        await using (var list = VerifyRun.Command(connection, "SELECT id, host FROM agent WHERE last_window_end > @from AND first_window_start < @to ORDER BY host, id", ("@from", from), ("@to", to)))
        {
            var total = Convert.ToInt64(await count.ExecuteScalarAsync(cancel), System.Globalization.CultureInfo.InvariantCulture);
            await using var rows = await list.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel)) agents.Add((rows.GetInt64(0), rows.GetString(1)));
            return (agents, total);
        }
    }

    private async Task<(int Found, long Last, int Expired)> ReadAsync(LineBuffer lines, long agent, string host, long after, long from, long to, CancellationToken cancel)
    {
        lines.Clear();
        await using var connection = await store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var (batches, last, expired) = await SeriesReader.SpanAsync(view, agent, after, from, to, cancel);
        await SeriesLines.WriteAsync(lines, view, host, batches, await LedgerGrain.ReadAsync(view, options), clock.GetUtcNow(), cancel);
        return (batches.Count + expired, last, expired);
    }
}
