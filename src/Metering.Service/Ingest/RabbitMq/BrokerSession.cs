using System.Net.Security;
using MassTransit;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>
/// One MassTransit bus with its one receive endpoint, from start until its consumer is lost. A lost session is thrown away and a new one built:
/// the bus's own reconnect waits up to a minute, does not declare our topology on a broker that was wiped, and after some channel errors never comes (issues 6001, 4544, 5387).
/// </summary>
internal sealed class BrokerSession : IReceiveEndpointObserver, IAsyncDisposable
{
    private static readonly TimeSpan AttachTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AbortTimeout = TimeSpan.FromSeconds(2);

    private readonly IBusControl _bus;
    private readonly TimeProvider _clock;
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Exception?> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _ended;

    public BrokerSession(BrokerAddress broker, BrokerOptions options, UsageDeliveryConsumer consumer, TimeProvider clock, ILoggerFactory loggers)
    {
        _clock = clock;
        LogContext.ConfigureCurrentLogContext(new DemotingLoggerFactory(loggers));
        _bus = Bus.Factory.CreateUsingRabbitMq(bus =>
        {
            bus.Host(broker.Host, broker.Port, broker.VirtualHost, "metering-service ledger", host =>
            {
                host.Username(broker.User);
                host.Password(broker.Password);
                host.Heartbeat(options.Heartbeat);
                host.OnRefreshConnectionFactory = _ => _ended ? throw new ObjectDisposedException(nameof(BrokerSession)) : Task.CompletedTask;
                if (broker.Tls)
                {
                    host.UseSsl(tls =>
                    {
                        tls.ServerName = broker.Host;
                        tls.EnforcePolicyErrors(SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNotAvailable);
                    });
                }
            });
            bus.Durable = true;
            bus.AutoDelete = false;
            bus.ClearSerialization();
            bus.AddSerializer(RawBytesSerializer.Instance);
            bus.AddDeserializer(RawBytesSerializer.Instance, isDefault: true);
            bus.ReceiveEndpoint(BrokerTopology.Queue, endpoint => Configure(endpoint, options, consumer));
        });
        _bus.ConnectReceiveEndpointObserver(this);
    }

    /// <summary>Ends when the consumer is gone, with what the bus said about it.</summary>
    public Task<Exception?> Lost => _lost.Task;

    /// <summary>Ends when the consumer is attached. Throws when it can not be.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(AttachTimeout);
        await _bus.StartAsync(limit.Token).WaitAsync(AttachTimeout, _clock, cancel);
        await await Task.WhenAny(_attached.Task, Failure()).WaitAsync(AttachTimeout, _clock, cancel);
    }

    /// <summary>Deliveries under way end first, those of a ledger that is down within <see cref="StopTimeout"/> or not at all: the broker then gives them out again.</summary>
    public async ValueTask DisposeAsync()
    {
        _lost.TrySetResult(null);

        // A bus that can not say goodbye to a dead or frozen broker would connect again by itself and take deliveries beside the next session.
        _ended = true;
        using var limit = new CancellationTokenSource(StopTimeout, _clock);
        try
        {
            await _bus.StopAsync(limit.Token).WaitAsync(StopTimeout * 2, _clock);
        }
        catch (Exception)
        {
            // It can not connect any more; what it could not finish, the broker delivers again.
        }
    }

    Task IReceiveEndpointObserver.Ready(ReceiveEndpointReady ready)
    {
        if (IsLedger(ready)) _attached.TrySetResult();
        return Task.CompletedTask;
    }

    Task IReceiveEndpointObserver.Stopping(ReceiveEndpointStopping stopping) => Task.CompletedTask;

    Task IReceiveEndpointObserver.Completed(ReceiveEndpointCompleted completed)
    {
        if (IsLedger(completed)) _lost.TrySetResult(null);
        return Task.CompletedTask;
    }

    Task IReceiveEndpointObserver.Faulted(ReceiveEndpointFaulted faulted)
    {
        if (IsLedger(faulted)) _lost.TrySetResult(faulted.Exception);
        return Task.CompletedTask;
    }

    /// <summary>Never throws and never waits long: a frozen broker answers no goodbye.</summary>
    internal static async Task AbortAsync(IConnection connection, TimeProvider clock)
    {
        var aborting = Task.Run(async () =>
        {
            await connection.AbortAsync(Constants.ReplySuccess, "end of session", AbortTimeout);
            await connection.DisposeAsync();
        });
        await aborting.WaitAsync(AbortTimeout * 2, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static bool IsLedger(ReceiveEndpointEvent change) => change.InputAddress.AbsolutePath.EndsWith('/' + BrokerTopology.Queue);

    private static void Configure(IRabbitMqReceiveEndpointConfigurator endpoint, BrokerOptions options, UsageDeliveryConsumer consumer)
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.BindQueue = false; // BrokerTopology has bound it, to the exchange the agents know
        endpoint.PublishFaults = false; // a fault would be published to an exchange the sender may name
        endpoint.RethrowFaultedMessages(); // back to the queue, never to an _error queue: a copy there carries the agent's user_id, which the broker refuses
        endpoint.ThrowOnSkippedMessages();
        endpoint.PrefetchCount = options.Prefetch;
        endpoint.ConcurrentMessageLimit = options.Prefetch; // all of them wait for one group commit
        foreach (var (name, value) in BrokerTopology.QueueArguments(options)) endpoint.SetQueueArgument(name, value);
        endpoint.Instance(consumer);
    }

    private async Task Failure() => throw await _lost.Task ?? new InvalidOperationException("The consumer was lost before it was attached.");
}
