using Metering.Agent.Shipping;
using Metering.Messages;

namespace Metering.Benchmarks.Storm;

/// <summary>Takes every batch and says at once that the ledger has it: shipping costs nothing here.</summary>
internal sealed class SinkTransport : IUsageTransport
{
    public string Name => "none";

    public int Window => 16;

    public Action<Downlink>? Answers { get; set; }

    public Task ConnectAsync(CancellationToken cancel) => Task.CompletedTask;

    public Task<ShipOutcome> PublishAsync(OutgoingBatch batch) =>
        Task.FromResult(ShipOutcome.Committed(new Downlink { AgentEpoch = batch.Epoch, CommittedSequence = batch.Sequence }));

    public Task<Downlink?> QueryAsync(string host, string epoch, CancellationToken cancel) => Task.FromResult<Downlink?>(null);

    public ValueTask ResetAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
