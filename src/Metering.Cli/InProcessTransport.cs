using Metering.Agent.Shipping;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;

namespace Metering.Cli;

/// <summary>Agent and service in one process: a publish ends when the ledger has committed.</summary>
internal sealed class InProcessTransport(IIngest ingest, LedgerStore store) : IUsageTransport
{
    public string Name => "inProcess";

    public int Window => 16;

    public Action<Downlink>? Answers { get; set; }

    public Task ConnectAsync(CancellationToken cancel) => Task.CompletedTask;

    public async Task<ShipOutcome> PublishAsync(OutgoingBatch batch)
    {
        try
        {
            var answer = await ingest.CommitAsync(new Delivery(batch.Bytes, Name, batch.Host, MayClaimAnyHost: false), CancellationToken.None);
            return answer.Downlink is { } downlink ? ShipOutcome.Committed(downlink) : ShipOutcome.Rejected(answer.Reason ?? "refused without a reason");
        }
        catch (LedgerUnavailableException e)
        {
            return ShipOutcome.Unknown(e.Message);
        }
    }

    public async Task<Downlink?> QueryAsync(string host, string epoch, CancellationToken cancel)
    {
        try
        {
            return await DownlinkQuery.FindAsync(store, host, epoch, cancel);
        }
        catch (LedgerUnavailableException e)
        {
            throw new TransportException(e.Message, e);
        }
    }

    public ValueTask ResetAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
