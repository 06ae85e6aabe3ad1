using System.Threading.Channels;
using Metering.Agent.Journal;
using Metering.Messages;
using Microsoft.Extensions.Logging;

namespace Metering.Agent.Shipping;

/// <summary>Drives a <see cref="SendWindow"/> over a transport: connects, sends, waits for answers, and starts again from the ledger's mark after any trouble.</summary>
internal sealed partial class ShipLoop(AgentJournal journal, IUsageTransport transport, TimeProvider clock, ILogger log, Action<string> onFork, Action<Command>? onCommand = null)
{
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(15), LongestPatience = TimeSpan.FromHours(1), LongestBackoff = TimeSpan.FromSeconds(30);
    private readonly SendWindow _window = new(journal, transport.Window);
    private readonly Channel<Action> _events = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private TimeSpan _patience = FirstPatience;
    private TimeSpan _backoff = TimeSpan.FromSeconds(1);
    private string? _trouble;

    /// <summary>What keeps batches from the ledger now; null when nothing does.</summary>
    public string? Trouble => _trouble;

    /// <summary>The journal has new batches.</summary>
    public void Wake() => _events.Writer.TryWrite(static () => { });

    public async Task RunAsync(CancellationToken cancel)
    {
        transport.Answers = answer => _events.Writer.TryWrite(() => Progress(answer));
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await transport.ConnectAsync(cancel);
                if (await transport.QueryAsync(journal.Host, journal.Epoch, cancel) is { } answer) Progress(answer);
                await SendAsync(cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                break;
            }
            catch (TransportException e)
            {
                Report(e.Message);
            }

            await transport.ResetAsync();
            _window.Reset();
            if (!await Pause(cancel)) break;
        }
    }

    // Until the connection is to be made anew.
    private async Task SendAsync(CancellationToken cancel)
    {
        var publishes = new List<Task>();
        var broken = false;
        var deadline = clock.GetTimestamp();
        var lastCommitted = journal.Committed;
        while (!broken && !cancel.IsCancellationRequested)
        {
            foreach (var batch in _window.Next()) publishes.Add(PublishAsync(batch));
            // The next pass begins the new epoch; until then the window hands out nothing.
            if (_window.Forked) onFork(_window.Epoch);

            if (await WaitAsync(cancel)) DrainEvents();
            publishes.RemoveAll(publish => publish.IsCompleted);
            if (journal.Committed != lastCommitted || _window.IsDrained)
            {
                (lastCommitted, deadline, _patience) = (journal.Committed, clock.GetTimestamp(), FirstPatience);
            }
            else if (clock.GetElapsedTime(deadline) > _patience)
            {
                // Accepted, but the ledger is silent: the broker may have lost it, or the answer was. Sent again, ever more seldom.
                _patience = TimeSpan.FromTicks(Math.Min(_patience.Ticks * 2, LongestPatience.Ticks));
                deadline = clock.GetTimestamp();
                _window.Rewind();
            }
        }

        foreach (var publish in publishes) await publish;

        async Task PublishAsync(OutgoingBatch batch)
        {
            var outcome = await transport.PublishAsync(batch);
            _events.Writer.TryWrite(() =>
            {
                _window.Ended(batch, outcome);
                if (outcome.Answer is { } answer) Obey(answer);
                if (outcome.Result is ShipResult.Unknown or ShipResult.Rejected)
                {
                    broken = true;
                    Report(outcome.Reason ?? "The batch did not arrive.");
                }
                else
                {
                    Fine();
                    if (_window.Refusal is { } refusal) Report($"The service refuses this agent: {refusal}");
                }
            });
        }
    }

    // True when there are events; false after a second without any.
    private async Task<bool> WaitAsync(CancellationToken cancel)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        try
        {
            return await _events.Reader.WaitToReadAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void DrainEvents()
    {
        while (_events.Reader.TryRead(out var happened)) happened();
    }

    private void Progress(Downlink answer)
    {
        if (_window.Answer(answer)) Fine();
        Obey(answer);
    }

    private void Obey(Downlink answer)
    {
        foreach (var command in answer.Commands) onCommand?.Invoke(command);
    }

    private async Task<bool> Pause(CancellationToken cancel)
    {
        try
        {
            // Jitter, so that a thousand agents do not come back at the same moment.
            var jittered = _backoff * (0.5 + (BitConverter.ToUInt16(System.Security.Cryptography.RandomNumberGenerator.GetBytes(2)) / 131072.0));
            await Task.Delay(jittered, clock, cancel);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        _backoff = TimeSpan.FromTicks(Math.Min(_backoff.Ticks * 2, LongestBackoff.Ticks));
        return true;
    }

    private void Fine()
    {
        _backoff = TimeSpan.FromSeconds(1);
        if (_trouble is null) return;
        _trouble = null;
        LogRecovered(log, transport.Name);
    }

    private void Report(string trouble)
    {
        if (_trouble == trouble) return;
        _trouble = trouble;
        LogTrouble(log, transport.Name, trouble);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Shipping by {Transport} is held up, nothing is lost: {Trouble}")]
    private static partial void LogTrouble(ILogger log, string transport, string trouble);

    [LoggerMessage(Level = LogLevel.Information, Message = "Shipping by {Transport} goes on.")]
    private static partial void LogRecovered(ILogger log, string transport);
}
