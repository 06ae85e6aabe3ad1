using MassTransit;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>
/// Gives a delivery to the ledger and ends, which acknowledges it, only after the commit. Content never makes it throw; a ledger that can not be written
/// makes it wait, and so does one that does not answer. It throws only when the service stops or the wait grew too long, and the delivery then goes back to the queue, once.
/// </summary>
internal sealed partial class UsageDeliveryConsumer(
    IIngest ingest, ReplyChannel replies, LedgerPause pause, BrokerOptions options, TimeProvider clock, ILogger<UsageDeliveryConsumer> logger, CancellationToken stopping)
    : IConsumer<UsageDelivery>
{
    public async Task Consume(ConsumeContext<UsageDelivery> context)
    {
        var (delivery, replyTo) = context.Message;
        var answer = await CommitAsync(delivery);
        BrokerIngestMetrics.Delivered(answer.Result);
        if (answer.Downlink is not null && delivery.Login is not null) replies.Post(delivery.Login, replyTo, answer.Downlink);
    }

    private async Task<IngestAnswer> CommitAsync(Delivery delivery)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            await pause.WaitAsync(stopping);
            try
            {
                // One that hangs is given up: its batch may be committed yet, and its receipt keeps the repetition from counting.
                var left = options.HoldAtMost - clock.GetElapsedTime(began);
                var answer = await ingest.CommitAsync(delivery, stopping).WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, clock, stopping);
                pause.Succeeded();
                return answer;
            }
            catch (TimeoutException)
            {
                pause.Failed("The ledger does not answer.");
            }
            catch (LedgerUnavailableException e)
            {
                pause.Failed(e.Message);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                // Against its contract. Nothing is known to have taken effect, so the delivery is kept like one that met a ledger that is down.
                LogUnexpected(e);
                pause.Failed(e.Message);
            }

            BrokerIngestMetrics.Waited();
            if (clock.GetElapsedTime(began) >= options.HoldAtMost)
                throw new LedgerUnavailableException($"The delivery goes back to the queue: the ledger could not be written for {options.HoldAtMost}.");
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Ingest failed in a way it should not; the delivery is kept and tried again")]
    private partial void LogUnexpected(Exception error);
}
