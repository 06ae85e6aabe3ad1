using System.Threading.Channels;
using Google.Protobuf;
using Metering.Messages;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>
/// Answers agents over direct reply-to, on a connection used for nothing else: an address that is gone may close the channel, and that must not touch ingest.
/// The answers of a group are merged per agent. An answer is never worth a retry: losing one costs a resend.
/// </summary>
internal sealed partial class ReplyChannel(BrokerAddress broker, TimeProvider clock, ILogger<ReplyChannel> logger)
{
    /// <summary>Nothing else is answered, or an agent could make the service publish to any queue it names.</summary>
    private const string AllowedPrefix = "amq.rabbitmq.reply-to.";

    private const int MaxPending = 20_000; // agents waiting at once; beyond, an answer is dropped and the agent's resend brings the next
    private const int MaxAddressBytes = 255; // a routing key's limit: a longer one would close the channel

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(25); // a group's consumers all wake within this
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(30); // an answer overtaken by another is not older than this
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Reopen = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Channel<bool> _some = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }); // a bell, rung once
    private Dictionary<(string Login, string Epoch), PendingReply> _pending = [];
    private readonly Dictionary<(string Login, string Epoch), (ulong Committed, long At)> _told = []; // used by RunAsync only
    private IConnection? _connection;
    private IChannel? _channel;

    public void Post(string login, string? replyTo, Downlink downlink)
    {
        if (replyTo is null) return; // a sender that wants no answer

        if (!replyTo.StartsWith(AllowedPrefix, StringComparison.Ordinal) || replyTo.Length > MaxAddressBytes)
        {
            BrokerIngestMetrics.Answered("refused_address");
            return;
        }

        lock (_gate)
        {
            var key = (login, downlink.AgentEpoch);
            if (_pending.TryGetValue(key, out var waiting))
            {
                _pending[key] = waiting.Then(replyTo, downlink);
                return;
            }

            if (_pending.Count >= MaxPending)
            {
                BrokerIngestMetrics.Answered("dropped");
                return;
            }

            _pending.Add(key, new PendingReply(replyTo, downlink));
            _some.Writer.TryWrite(true);
        }
    }

    /// <summary>Sends until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await _some.Reader.ReadAsync(cancel);
                await Task.Delay(Gather, clock, cancel);
                await SendAsync(Take(), cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Stopping.
        }
        finally
        {
            // What the last commits had to say goes out if it can, so that a restart of the service causes no resends.
            if (_channel is { IsOpen: true }) await SendAsync(Take(), CancellationToken.None);
            await CloseAsync();
        }
    }

    private Dictionary<(string Login, string Epoch), PendingReply> Take()
    {
        lock (_gate)
        {
            var taken = _pending;
            _pending = [];
            return taken;
        }
    }

    private async Task SendAsync(Dictionary<(string Login, string Epoch), PendingReply> replies, CancellationToken cancel)
    {
        var left = replies.Count;
        foreach (var (agent, (replyTo, answer)) in replies)
        {
            try
            {
                var downlink = NotLowerThanJustTold(agent, answer);
                var channel = await OpenAsync(cancel);
                // No token here either; a send that hangs is given up together with its connection.
                await channel.BasicPublishAsync("", replyTo, mandatory: false, new BasicProperties { ContentType = "application/x-protobuf" }, downlink.ToByteArray(), CancellationToken.None)
                    .AsTask().WaitAsync(SendTimeout, clock, cancel);
                BrokerIngestMetrics.Answered("sent");
                left--;
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception e)
            {
                BrokerIngestMetrics.Answered("dropped", left);
                LogLost(left, BrokerTrouble.Describe(e, broker));
                await CloseAsync();
                await Task.Delay(Reopen, clock, cancel);
                return;
            }
        }
    }

    /// <summary>
    /// Consumers end in any order, so an older answer may come after a newer one was sent; to the agent a lower sequence means a restored ledger, and it would send
    /// everything again. A ledger that really was restored is believed after <see cref="Stale"/>.
    /// </summary>
    private Downlink NotLowerThanJustTold((string Login, string Epoch) agent, Downlink answer)
    {
        var now = clock.GetTimestamp();
        if (_told.TryGetValue(agent, out var told) && told.Committed > answer.CommittedSequence && clock.GetElapsedTime(told.At, now) < Stale)
        {
            answer = answer.Clone(); // the ingest may have given the same message to others
            answer.CommittedSequence = told.Committed;
            return answer;
        }

        if (_told.Count >= MaxPending) _told.Clear();
        _told[agent] = (answer.CommittedSequence, now);
        return answer;
    }

    private async Task<IChannel> OpenAsync(CancellationToken cancel)
    {
        if (_channel is { IsOpen: true } open) return open;

        if (_connection is not { IsOpen: true })
        {
            await CloseAsync();
            _connection = await broker.ConnectAsync("metering-service answers", clock, cancel);
        }

        return _channel = await _connection.CreateChannelAsync(cancellationToken: cancel);
    }

    private async Task CloseAsync()
    {
        var connection = _connection;
        (_connection, _channel) = (null, null);
        if (connection is not null) await BrokerSession.AbortAsync(connection, clock);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} answers to agents were not sent, the agents will send again: {Reason}")]
    private partial void LogLost(int count, string reason);
}
