using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf;
using Metering.Agent.Shipping;
using Metering.Identity;
using Metering.Messages;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>The shipping half of an agent: batches numbered from 1 in one epoch, sent again until the ledger reports them.</summary>
internal sealed class AgentDouble : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _host;
    private ulong _sequence;
    private long _committed;

    public AgentDouble(string url, string host, Action<RabbitMqTransportOptions>? configure = null)
    {
        _host = host;
        var options = new RabbitMqTransportOptions { Url = url };
        configure?.Invoke(options);
        Transport = new RabbitMqTransport(options, TimeProvider.System) { Answers = OnAnswer };
    }

    public string Epoch { get; } = EpochId.New();

    public RabbitMqTransport Transport { get; }

    public ConcurrentQueue<Downlink> Answers { get; } = [];

    public ulong Committed => (ulong)Interlocked.Read(ref _committed);

    public OutgoingBatch Next(int labelBytes = 16) => Batch(_host, ++_sequence, labelBytes);

    public OutgoingBatch Batch(string host, ulong sequence, int labelBytes = 16)
    {
        var batch = new UsageBatch { Host = host, AgentEpoch = Epoch, FirstSequence = sequence, Sequence = sequence, Schema = 1 };
        batch.HostLabels.Add("padding", new string('x', labelBytes));
        return new OutgoingBatch(host, Epoch, sequence, sequence, batch.ToByteArray());
    }

    /// <summary>Sends 1 to <paramref name="count"/> until the ledger has reported the last of them; connects again after each doubt.</summary>
    public async Task ShipAllAsync(ulong count, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        while (Committed < count)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Limit, $"Within {Limit.TotalSeconds} s {Committed} of {count} batches were committed.");
            try
            {
                await Transport.ConnectAsync(cancel);
                var window = Enumerable.Range(0, Transport.Window).Select(i => Committed + 1 + (ulong)i).Where(sequence => sequence <= count);
                var outcomes = await Task.WhenAll(window.Select(sequence => Transport.PublishAsync(Batch(_host, sequence))));
                if (outcomes.Any(o => o.Result == ShipResult.Unknown)) await Transport.ResetAsync();
            }
            catch (TransportException)
            {
                // Not there yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancel);
        }
    }

    public ValueTask DisposeAsync() => Transport.DisposeAsync();

    private void OnAnswer(Downlink downlink)
    {
        Answers.Enqueue(downlink);
        if (downlink.AgentEpoch == Epoch) Interlocked.Exchange(ref _committed, Math.Max(Interlocked.Read(ref _committed), (long)downlink.CommittedSequence));
    }
}
