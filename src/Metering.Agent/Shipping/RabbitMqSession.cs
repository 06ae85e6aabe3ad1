using Google.Protobuf;
using Metering.Messages;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Metering.Agent.Shipping;

/// <summary>One connection with its one channel, from connect to end. A session that has ended never comes back: a new one is opened.</summary>
internal sealed class RabbitMqSession : IAsyncDisposable
{
    private const string ReplyQueue = "amq.rabbitmq.reply-to";

    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly RabbitMqTransportOptions _options;
    private readonly TimeProvider _clock;
    private readonly string _login;
    private readonly string _broker;
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly Action<Downlink> _answers;
    private readonly CancellationTokenSource _ended = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _over;
    private ShipOutcome? _verdict; // what publishes under way end as, once the session has ended
    private volatile bool _blocked;

    private RabbitMqSession(ConnectionFactory factory, RabbitMqTransportOptions options, TimeProvider clock, IConnection connection, IChannel channel, Action<Downlink> answers)
    {
        _options = options;
        _clock = clock;
        _login = factory.UserName;
        _broker = RabbitMqTrouble.Address(factory);
        _connection = connection;
        _channel = channel;
        _answers = answers;
    }

    public bool IsAlive => !_over;

    /// <summary>Connects, checks that the exchange is there, and begins to listen for answers. Throws <see cref="TransportException"/>.</summary>
    public static async Task<RabbitMqSession> OpenAsync(
        ConnectionFactory factory, RabbitMqTransportOptions options, TimeProvider clock, Action<Downlink> answers, CancellationToken cancel)
    {
        IConnection? connection = null;
        try
        {
            connection = await ConnectAsync(factory, options.ConnectTimeout * 2, clock, cancel);
            await CheckExchangeAsync(connection, cancel);

            // No rate limiter: ThrottlingRateLimiter(128) brings 16,000 publishes a second down to 127. The window of the caller is the limit.
            var channel = await connection.CreateChannelAsync(
                new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancel);
            var session = new RabbitMqSession(factory, options, clock, connection, channel, answers);
            await session.ListenAsync(cancel);
            return session;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            if (connection is not null) _ = AbortAsync(connection);
            throw new TransportException(RabbitMqTrouble.Describe(e, factory), e);
        }
        catch (OperationCanceledException)
        {
            if (connection is not null) _ = AbortAsync(connection);
            throw;
        }
    }

    /// <summary>Ends with the confirm, the refusal, the time-out or the end of the session, whichever comes first.</summary>
    public async Task<ShipOutcome> PublishAsync(OutgoingBatch batch)
    {
        // Not the verdict itself: a refusal may have been put right since, and only an unknown end makes the caller connect again.
        if (!IsAlive) return ShipOutcome.Unknown(Verdict().Reason ?? "The session has ended.");

        var properties = new BasicProperties
        {
            Persistent = true,
            UserId = _login, // checked by the broker against the login of this connection
            ReplyTo = ReplyQueue,
            ContentType = "application/x-protobuf",
            MessageId = $"{batch.Epoch}:{batch.Sequence}",
        };

        // No token: on 7.1.2 a cancelled one corrupts the confirm tracking, and the channel accepts nothing any more while it says it is open.
        var publish = _channel.BasicPublishAsync(RabbitMqTransport.Exchange, $"{batch.Host}.usage", mandatory: true, properties, batch.Bytes, CancellationToken.None).AsTask();
        try
        {
            await ConfirmAsync(publish);
            return ShipOutcome.Accepted;
        }
        catch (TimeoutException)
        {
            End($"The broker at {_broker} did not confirm a batch within {_options.PublishTimeout.TotalSeconds:0.#} s.");
            return Verdict();
        }
        catch (PublishException e) when (e.IsReturn)
        {
            return ShipOutcome.Rejected(
                $"The exchange {RabbitMqTransport.Exchange} at {_broker} has no queue for '{batch.Host}.usage'; start the service, which declares the queue and its binding.");
        }
        catch (PublishException) when (IsAlive && _channel.IsOpen)
        {
            return ShipOutcome.Rejected(
                $"The broker at {_broker} does not take the batch: its queue is full; start the service or let it catch up, or raise Broker:MaxQueueBytes.");
        }
        catch (Exception e)
        {
            // The channel's end reaches the publish and the shutdown event in either order.
            End(_channel.CloseReason ?? _connection.CloseReason, e.Message);
            return Verdict();
        }
        finally
        {
            // An abandoned publish still fails some time; nobody is to hear of it as an unobserved exception.
            if (!publish.IsCompletedSuccessfully) _ = publish.ContinueWith(static t => t.Exception, TaskScheduler.Default);
        }
    }

    /// <summary>Ends the session once; every publish under way ends as unknown.</summary>
    public void End(string reason) => End(ShipOutcome.Unknown(reason));

    public async ValueTask DisposeAsync()
    {
        End("The transport was closed.");
        await _closed.Task.WaitAsync(CloseTimeout * 2, _clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ended.Dispose();
    }

    /// <summary>Bounded from outside: against a frozen broker the client takes about a minute to give up, whatever its own time-outs say.</summary>
    private static async Task<IConnection> ConnectAsync(ConnectionFactory factory, TimeSpan limit, TimeProvider clock, CancellationToken cancel)
    {
        var connecting = factory.CreateConnectionAsync(CancellationToken.None);
        try
        {
            return await connecting.WaitAsync(limit, clock, cancel);
        }
        catch (Exception) when (!connecting.IsCompleted)
        {
            _ = connecting.ContinueWith(static late => late.IsCompletedSuccessfully ? AbortAsync(late.Result) : (object?)late.Exception, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>A passive declare needs no right and works on a channel of its own, which a missing exchange closes.</summary>
    private static async Task CheckExchangeAsync(IConnection connection, CancellationToken cancel)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        await channel.ExchangeDeclarePassiveAsync(RabbitMqTransport.Exchange, cancel);
    }

    private static async Task AbortAsync(IConnection connection)
    {
        try
        {
            await connection.AbortAsync(Constants.ReplySuccess, "end of session", CloseTimeout);
            await connection.DisposeAsync();
        }
        catch (Exception)
        {
            // It is being thrown away; that it could not say goodbye changes nothing.
        }
    }

    private async Task ListenAsync(CancellationToken cancel)
    {
        _connection.ConnectionShutdownAsync += OnShutdown;
        _channel.ChannelShutdownAsync += OnShutdown;
        _connection.ConnectionBlockedAsync += (_, _) => SetBlocked(true);
        _connection.ConnectionUnblockedAsync += (_, _) => SetBlocked(false);

        var consumer = new AsyncEventingBasicConsumer(_channel);
        consumer.ReceivedAsync += OnAnswer;
        await _channel.BasicConsumeAsync(ReplyQueue, autoAck: true, consumer, cancel);
    }

    private async Task ConfirmAsync(Task publish)
    {
        while (true)
        {
            try
            {
                await publish.WaitAsync(_options.PublishTimeout, _clock, _ended.Token);
                return;
            }
            catch (TimeoutException) when (_blocked)
            {
                // A memory or disk alarm: the broker is alive (heartbeats go on) and will read on. Reconnecting would only send everything twice.
            }
        }
    }

    private Task SetBlocked(bool blocked)
    {
        _blocked = blocked;
        return Task.CompletedTask;
    }

    private Task OnShutdown(object sender, ShutdownEventArgs reason)
    {
        End(reason, reason.ReplyText);
        return Task.CompletedTask;
    }

    private Task OnAnswer(object sender, BasicDeliverEventArgs delivery)
    {
        try
        {
            _answers(Downlink.Parser.ParseFrom(delivery.Body.Span));
        }
        catch (InvalidProtocolBufferException)
        {
            // Not the service's words. A lost answer costs a resend.
        }

        return Task.CompletedTask;
    }

    private void End(ShutdownEventArgs? reason, string otherwise) =>
        End(reason is not null && RabbitMqTrouble.Refusal(reason, _login, _broker) is { } refusal
            ? ShipOutcome.Rejected(refusal)
            : ShipOutcome.Unknown($"The connection to the broker at {_broker} was lost: {reason?.ReplyText ?? otherwise}"));

    private void End(ShipOutcome verdict)
    {
        lock (_closed)
        {
            if (_verdict is not null) return;
            _verdict = verdict;
            _over = true;
        }

        // In the background: a frozen broker answers no goodbye.
        _ = Task.Run(async () =>
        {
            await _ended.CancelAsync();
            await AbortAsync(_connection);
            _closed.TrySetResult();
        });
    }

    private ShipOutcome Verdict()
    {
        lock (_closed) return _verdict ?? ShipOutcome.Unknown($"The connection to the broker at {_broker} was lost.");
    }
}
