using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>
/// Keeps a consumer attached to <c>metering.ledger</c> for as long as the service runs: declare, attach, wait until lost, again.
/// A broker that is not there delays nothing else; it is tried again, from 0.5 s up to every 15 s.
/// </summary>
internal sealed partial class BrokerIngest(
    BrokerOptions options, BrokerAddress broker, IIngest ingest, ReplyChannel replies, LedgerPause pause, BrokerStatus status, TimeProvider clock, ILoggerFactory loggers)
    : BackgroundService
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    private readonly ILogger _logger = loggers.CreateLogger<BrokerIngest>();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // start-up goes on while the broker is looked for
        using var answering = new CancellationTokenSource();
        var answers = replies.RunAsync(answering.Token);
        try
        {
            await KeepAttachedAsync(stoppingToken);
        }
        finally
        {
            // After the last commit, so that its answer still goes out.
            status.Detached("The service is stopping.");
            await answering.CancelAsync();
            await answers;
        }
    }

    private async Task KeepAttachedAsync(CancellationToken stopping)
    {
        var consumer = new UsageDeliveryConsumer(ingest, replies, pause, options, clock, loggers.CreateLogger<UsageDeliveryConsumer>(), stopping);
        var wait = ShortestPause;
        string? said = null;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await DeclareAsync(stopping);
                await using var session = new BrokerSession(broker, options, consumer, clock, loggers);
                await session.StartAsync(stopping);
                status.Attached();
                BrokerIngestMetrics.Attached();
                LogAttached(broker);
                (wait, said) = (ShortestPause, null);

                var error = await session.Lost.WaitAsync(stopping);
                said = error is null ? $"The consumer of {BrokerTopology.Queue} at {broker} was detached." : BrokerTrouble.Describe(error, broker);
                status.Detached(said);
                LogLost(said);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                var trouble = BrokerTrouble.Describe(e, broker);
                status.Detached(trouble);
                if (trouble != said) LogLost(trouble); // said once, not with each attempt
                said = trouble;
            }

            await Task.Delay(wait, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = wait * 2 < LongestPause ? wait * 2 : LongestPause;
        }
    }

    /// <summary>By hand and not by the bus: a difference of arguments (406) is to be named, and the bus would bind through an exchange of its own.</summary>
    private async Task DeclareAsync(CancellationToken cancel)
    {
        var connection = await broker.ConnectAsync("metering-service topology", clock, cancel);
        try
        {
            await BrokerTopology.DeclareAsync(connection, options, cancel);
        }
        finally
        {
            await BrokerSession.AbortAsync(connection, clock);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Consuming usage from the broker at {Broker}")]
    private partial void LogAttached(BrokerAddress broker);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No usage comes from the broker, trying again: {Trouble}")]
    private partial void LogLost(string trouble);
}
