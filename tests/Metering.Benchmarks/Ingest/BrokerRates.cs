using System.Diagnostics;
using Metering.Service.Ingest.RabbitMq;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Metering.Benchmarks.Ingest;

/// <summary>Publishing as agents do, and the broker's own rates for the same messages.</summary>
internal static class BrokerRates
{
    private const int Window = 256;

    /// <summary>Persistent, confirmed, at most <see cref="Window"/> unconfirmed; messages a second. The user may name any sender (<c>impersonator</c>).</summary>
    public static async Task<double> PublishAsync(string url, IEnumerable<(string Host, byte[] Body)> messages, CancellationToken cancel)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync(cancel);
        await BrokerTopology.DeclareAsync(connection, new BrokerOptions { Url = url }, cancel);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancel);
        var pending = new Queue<Task>(Window);
        var count = 0;
        var began = Stopwatch.GetTimestamp();
        foreach (var (host, body) in messages)
        {
            cancel.ThrowIfCancellationRequested();
            if (pending.Count == Window) await pending.Dequeue();
            var properties = new BasicProperties { DeliveryMode = DeliveryModes.Persistent, UserId = host, ContentType = "application/x-protobuf" };
            pending.Enqueue(channel.BasicPublishAsync(BrokerTopology.Exchange, host + ".usage", mandatory: true, properties, body, CancellationToken.None).AsTask());
            count++;
        }

        await Task.WhenAll(pending);
        return count / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>Takes so many messages off the queue and throws them away, acknowledged by the hundred; messages a second.</summary>
    public static async Task<double> ConsumeAsync(string url, int count, CancellationToken cancel)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync(cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        await channel.BasicQosAsync(0, 1000, global: false, cancel);
        var done = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = new AsyncEventingBasicConsumer(channel);
        long began = 0;
        var taken = 0;
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            if (taken == 0) began = Stopwatch.GetTimestamp();
            taken++;
            if (taken % 100 == 0 || taken == count) await channel.BasicAckAsync(delivery.DeliveryTag, multiple: true, CancellationToken.None);
            if (taken == count) done.TrySetResult(Stopwatch.GetElapsedTime(began));
        };
        await channel.BasicConsumeAsync(BrokerTopology.Queue, autoAck: false, consumer, cancel);
        return count / (await done.Task.WaitAsync(cancel)).TotalSeconds;
    }
}
