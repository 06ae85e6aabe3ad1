using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>
/// One pause for all deliveries while the ledger can not be written: without it, two thousand waiting deliveries would each knock on their own.
/// Doubles from 0.25 s to 15 s; the first commit that succeeds ends it. Mutable state: the pause now under way and its length.
/// </summary>
internal sealed partial class LedgerPause(TimeProvider clock, ILogger<LedgerPause> logger)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();
    private Task _over = Task.CompletedTask;
    private TimeSpan _length = Shortest;
    private bool _unavailable;

    /// <summary>Ends at once while the ledger is well.</summary>
    public Task WaitAsync(CancellationToken cancel)
    {
        lock (_gate) return _over.IsCompleted ? Task.CompletedTask : _over.WaitAsync(cancel);
    }

    /// <summary>Begins a pause, unless one is under way: the others of the same group report the same failure.</summary>
    public void Failed(string reason)
    {
        lock (_gate)
        {
            if (!_unavailable) LogUnavailable(reason);
            _unavailable = true;
            if (!_over.IsCompleted) return;

            _over = Task.Delay(_length, clock, CancellationToken.None);
            _length = _length * 2 < Longest ? _length * 2 : Longest;
        }
    }

    public void Succeeded()
    {
        if (!Volatile.Read(ref _unavailable)) return;

        lock (_gate)
        {
            if (_unavailable) LogAvailable();
            _unavailable = false;
            _length = Shortest;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The ledger can not be written, deliveries of the broker are kept and tried again: {Reason}")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The ledger can be written again")]
    private partial void LogAvailable();
}
