using System.Collections.Concurrent;
using Metering.Agent.Shipping;
using Metering.Messages;
using Metering.Safety;

namespace Metering.Cli.Simulation;

/// <summary>
/// Sends a fleet: hosts side by side, each host's batches in order and, over HTTP, each after the commit of the one before.
/// What nobody knows the end of is sent again, as an agent would.
/// </summary>
internal sealed class FleetSender(Fleet fleet, TimeProvider clock)
{
    private const int SideBySide = 64;
    private const int Tries = 20;
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(250), AnswerTimeout = TimeSpan.FromSeconds(120);

    private long _sent, _duplicates;

    public long Sent => Interlocked.Read(ref _sent);

    public long Duplicates => Interlocked.Read(ref _duplicates);

    /// <summary>All of it is committed when this returns. Throws <see cref="UserErrorException"/> when the service refuses or can not be reached.</summary>
    /// <returns>The exact totals in base units, by index of <see cref="Fleet.Meters"/>.</returns>
    public async Task<decimal[]> SendAsync(Func<int, (IUsageTransport Transport, string HostId)> open, bool shared, CancellationToken cancel)
    {
        var sums = new ConcurrentBag<decimal[]>();
        var one = shared ? open(0).Transport : null;
        try
        {
            if (one is not null) await ConnectAsync(one, cancel);
            await Parallel.ForEachAsync(Enumerable.Range(0, fleet.Options.Hosts), new ParallelOptions { MaxDegreeOfParallelism = SideBySide, CancellationToken = cancel }, async (host, stop) =>
            {
                var totals = new decimal[Fleet.Meters.Count];
                if (one is not null)
                {
                    foreach (var batch in fleet.BatchesOf(host, totals)) await PublishAsync(one, batch, stop);
                }
                else
                {
                    await SendByBrokerAsync(host, open, totals, stop);
                }

                sums.Add(totals);
            });
        }
        finally
        {
            if (one is not null) await one.DisposeAsync();
        }

        var all = new decimal[Fleet.Meters.Count];
        foreach (var totals in sums)
        {
            for (var i = 0; i < all.Length; i++) all[i] += totals[i];
        }

        return all;
    }

    // A connection for each host, since the login is the host; the ledger's answers come on their own.
    private async Task SendByBrokerAsync(int host, Func<int, (IUsageTransport Transport, string HostId)> open, decimal[] totals, CancellationToken cancel)
    {
        var (transport, id) = open(host);
        await using var _ = transport;
        var committed = 0UL;
        string? refused = null;
        transport.Answers = answer =>
        {
            committed = Math.Max(committed, answer.CommittedSequence);
            Interlocked.Add(ref _duplicates, answer.Duplicates);
            if (answer.Refused.Count > 0) refused = answer.Refused[0].Reason;
        };
        var batches = fleet.BatchesOf(host, totals, id).ToList();
        await ConnectAsync(transport, cancel);
        foreach (var batch in batches) await PublishAsync(transport, batch, cancel);
        var began = clock.GetTimestamp();
        while (Volatile.Read(ref committed) < batches[^1].Sequence)
        {
            if (refused is not null) throw new UserErrorException($"The service refuses batches of {id}: {refused}.");
            if (clock.GetElapsedTime(began) > AnswerTimeout) throw new UserErrorException($"The broker has the batches of {id}, but the service did not report their commit within {AnswerTimeout.TotalSeconds:0} s (it reports {committed} of {batches.Count}); is a service running on this broker?");
            await Task.Delay(TimeSpan.FromMilliseconds(20), clock, cancel);
        }
    }

    private static async Task ConnectAsync(IUsageTransport transport, CancellationToken cancel)
    {
        try
        {
            await transport.ConnectAsync(cancel);
        }
        catch (TransportException e)
        {
            throw new UserErrorException(e.Message, inner: e);
        }
    }

    private async Task PublishAsync(IUsageTransport transport, OutgoingBatch batch, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await transport.PublishAsync(batch);
            switch (outcome.Result)
            {
                case ShipResult.Committed when outcome.Answer?.Refused.FirstOrDefault() is { } refusal:
                    throw new UserErrorException($"The service refuses batch {batch.Sequence} of {batch.Host}: {refusal.Reason}.");
                case ShipResult.Committed:
                    if (outcome.Answer is { } answer) Interlocked.Add(ref _duplicates, answer.Duplicates);
                    Interlocked.Increment(ref _sent);
                    return;
                case ShipResult.Accepted:
                    Interlocked.Increment(ref _sent);
                    return;
                case ShipResult.Rejected:
                    throw new UserErrorException(outcome.Reason ?? "The other side refuses the batch without a reason.");
                default:
                    if (attempt == Tries) throw new UserErrorException($"Batch {batch.Sequence} of {batch.Host} was sent {Tries} times without an answer: {outcome.Reason}");
                    await Task.Delay(Wait * Math.Min(attempt, 8), clock, cancel);
                    if (transport.Name == "rabbitmq") await ConnectAsync(transport, cancel);
                    break;
            }
        }
    }
}
