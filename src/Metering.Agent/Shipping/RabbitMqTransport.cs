using Metering.Messages;
using System.Net.Security;
using RabbitMQ.Client;

namespace Metering.Agent.Shipping;

/// <summary>
/// Publishes batches to the topic exchange <c>metering.usage</c> under <c>&lt;host&gt;.usage</c> and hears the service's answers over direct reply-to.
/// Needs nothing of the broker but the right to write to that exchange. A confirm means <see cref="ShipResult.Accepted"/>: only the ledger's answer settles a batch.
/// </summary>
public sealed class RabbitMqTransport : IUsageTransport
{
    /// <summary>Declared by the service, never by an agent.</summary>
    public const string Exchange = "metering.usage";

    /// <summary>No batch above this size is sent: version 4 of the broker refuses 16 MiB, and a frame of this size still passes a slow link between two heartbeats.</summary>
    public const int MaxBatchBytes = 1 << 20;

    private const int MaxUnderWay = 64; // 64 batches of 256 KiB are 16 MiB in the socket; more in flight no longer raises throughput

    private readonly RabbitMqTransportOptions _options;
    private readonly TimeProvider _clock;
    private readonly ConnectionFactory _factory;
    private readonly SemaphoreSlim _connecting = new(1);
    private RabbitMqSession? _session; // the one mutable state: replaced by ConnectAsync, taken away by ResetAsync

    /// <summary>Checks the address only; throws <see cref="TransportException"/> when it is none.</summary>
    public RabbitMqTransport(RabbitMqTransportOptions options, TimeProvider clock)
    {
        _options = options;
        _clock = clock;
        _factory = CreateFactory(options);
    }

    public string Name => "rabbitmq";

    public int Window => MaxUnderWay;

    public Action<Downlink>? Answers { get; set; }

    public async Task ConnectAsync(CancellationToken cancel)
    {
        await _connecting.WaitAsync(cancel);
        try
        {
            if (_session is { IsAlive: true }) return;

            await ResetAsync();
            _session = await RabbitMqSession.OpenAsync(_factory, _options, _clock, downlink => Answers?.Invoke(downlink), cancel);
        }
        finally
        {
            _connecting.Release();
        }
    }

    public Task<ShipOutcome> PublishAsync(OutgoingBatch batch)
    {
        if (batch.Bytes.Length > MaxBatchBytes)
        {
            return Task.FromResult(ShipOutcome.Rejected(
                $"Batch {batch.Epoch}:{batch.Sequence} has {batch.Bytes.Length} bytes and the limit is {MaxBatchBytes}; it must be cut smaller before it can be sent."));
        }

        return Volatile.Read(ref _session) is { } session
            ? session.PublishAsync(batch)
            : Task.FromResult(ShipOutcome.Unknown("There is no connection to the broker."));
    }

    /// <summary>A broker can not be asked; the answers come on their own.</summary>
    public Task<Downlink?> QueryAsync(string host, string epoch, CancellationToken cancel) => Task.FromResult<Downlink?>(null);

    public ValueTask ResetAsync()
    {
        Interlocked.Exchange(ref _session, null)?.End("The connection was reset.");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _session, null) is { } session) await session.DisposeAsync();
        _connecting.Dispose();
    }

    private static ConnectionFactory CreateFactory(RabbitMqTransportOptions options)
    {
        // The parser's own messages may quote the user information, so they are not passed on.
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out var url) || url.Scheme is not ("amqp" or "amqps") || url.Host.Length == 0)
            throw Invalid();

        try
        {
            var factory = new ConnectionFactory
            {
                Uri = url,
                AutomaticRecoveryEnabled = false, // recovery can hang on 7.1.2 and would replay what the journal sends again anyway
                TopologyRecoveryEnabled = false,
                RequestedHeartbeat = options.Heartbeat,
                RequestedConnectionTimeout = options.ConnectTimeout,
                HandshakeContinuationTimeout = options.ConnectTimeout,
                ContinuationTimeout = options.ConnectTimeout,
                ClientProvidedName = "metering-agent",
            };

            // The client takes a certificate for any name when its address says amqps.
            factory.Ssl.AcceptablePolicyErrors = SslPolicyErrors.None;
            return factory;
        }
        catch (Exception e) when (e is ArgumentException or UriFormatException)
        {
            throw Invalid();
        }
    }

    private static TransportException Invalid() =>
        new($"{RabbitMqTransportOptions.Section}:{nameof(RabbitMqTransportOptions.Url)} is no broker address; write amqp://user:password@host:5672/vhost, with special characters percent-encoded.");
}
