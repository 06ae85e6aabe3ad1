using System.Globalization;
using System.Text.Json;
using Metering.Agent.Shipping;
using Metering.Cli.Client;
using Metering.Safety;
using Metering.Service.Ingest;

namespace Metering.Cli.Demo;

/// <summary>
/// Plays the hosts of the demo into a service that runs: the time since the beginning of the month before as fast as the ledger takes it, then the closing of that month, then a window every ten seconds until it is stopped.
/// Stopped at any moment and started again, it goes on where each host's usage ends.
/// </summary>
internal sealed class DemoRun(DemoDirectory directory, ApiClient client, IUsageTransport transport, TimeProvider clock)
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(2);
    private readonly ProgressLine _progress = ProgressLine.ForPeople();

    /// <summary>Ends when it is cancelled. What goes wrong is told on standard error, and the service runs on.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            var setup = new DemoSetup(client);
            await setup.BeforeUsageAsync(cancel);
            var (series, ends) = await SeriesAsync(cancel);
            await HistoryAsync(series, ends, cancel);
            var month = directory.From.ToString("yyyy-MM", CultureInfo.InvariantCulture);
            var period = await client.JsonAsync(HttpMethod.Post, $"v1/periods/{month}/close", """{"waive":[]}""", cancel);
            await setup.AfterHistoryAsync(cancel);
            await Console.Out.WriteLineAsync($"Demo: {DemoFleet.Hosts.Count} simulated hosts since {directory.From:yyyy-MM-dd}; {month} is closed with {period.GetProperty("documents").GetArrayLength()} invoices. Try: metering invoices list --data {directory.Path} --url {client.Url.ToString().TrimEnd('/')}");
            await LiveAsync(series, ends, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Stopped.
        }
        catch (Exception e) when (e is UserErrorException or LedgerUnavailableException or HttpRequestException or JsonException)
        {
            if (!cancel.IsCancellationRequested) await Console.Error.WriteLineAsync($"metering: the demo's fleet has stopped ({Tables.Inert(e.Message)}); what it has sent stays, and a restart goes on from there.");
        }
        finally
        {
            _progress.Clear();
        }
    }

    // Every start is a boot of the hosts: counters begin anew, and time goes on where it ended.
    private async Task<(DemoSeries[] Series, DateTimeOffset[] Ends)> SeriesAsync(CancellationToken cancel)
    {
        var run = Guid.CreateVersion7(clock.GetUtcNow()).ToString();
        var known = (await client.GetAsync("v1/hosts", cancel)).GetProperty("hosts").EnumerateArray().ToDictionary(host => Tables.Text(host, "host"), host => host.GetProperty("lastWindowEnd").GetDateTimeOffset());
        return ([.. DemoFleet.Hosts.Select(host => new DemoSeries(host, run))], [.. DemoFleet.Hosts.Select(host => known.GetValueOrDefault(host.Id, directory.From))]);
    }

    private async Task HistoryAsync(DemoSeries[] series, DateTimeOffset[] ends, CancellationToken cancel)
    {
        var until = Floor(clock.GetUtcNow());
        var total = ends.Sum(end => DemoFleet.Windows(end, until).LongCount());
        var done = 0L;
        await Parallel.ForAsync(0, series.Length, new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = series.Length }, async (i, stop) =>
        {
            // Several at once, so that one transaction takes many; in order, so that a kill leaves no gap.
            foreach (var part in DemoFleet.Windows(ends[i], until).Chunk(transport.Window))
            {
                await Task.WhenAll(part.Select(window => PublishAsync(series[i].Next(window.Start, window.End), stop)));
                ends[i] = part[^1].End;
                _progress.Show("demo history", Interlocked.Add(ref done, part.Length), total);
            }
        });
        _progress.Clear();
    }

    private async Task LiveAsync(DemoSeries[] series, DateTimeOffset[] ends, CancellationToken cancel)
    {
        for (; ; )
        {
            var until = Floor(clock.GetUtcNow());
            for (var i = 0; i < series.Length; i++)
            {
                // After a pause of the machine there is more than one.
                foreach (var (start, end) in DemoFleet.Windows(ends[i], until)) await PublishAsync(series[i].Next(start, end), cancel);
                if (until > ends[i]) ends[i] = until;
            }

            await Task.Delay(until + DemoFleet.Pass - clock.GetUtcNow() is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero, clock, cancel);
        }
    }

    private async Task PublishAsync(OutgoingBatch batch, CancellationToken cancel)
    {
        for (; ; )
        {
            var outcome = await transport.PublishAsync(batch);
            if (outcome.Result == ShipResult.Committed && outcome.Answer?.Refused is not { Count: > 0 }) return;
            if (outcome.Result != ShipResult.Unknown) throw new UserErrorException($"batch {batch.Sequence} of {batch.Host} was refused: {outcome.Reason ?? outcome.Answer?.Refused.FirstOrDefault()?.Reason}");
            await Task.Delay(Retry, clock, cancel);
        }
    }

    private static DateTimeOffset Floor(DateTimeOffset at) => new(at.UtcTicks - at.UtcTicks % DemoFleet.Pass.Ticks, TimeSpan.Zero);
}
