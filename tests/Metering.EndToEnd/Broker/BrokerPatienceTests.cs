using Metering.EndToEnd.Servers;
using RabbitMQ.Client;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>What goes on for long: a line that is slow, a message that comes again and again, a handler that does not end, a ledger that is slower than the queue.</summary>
public sealed class BrokerPatienceTests(BrokerNode node) : BrokerTest(node)
{
    [Fact]
    public async Task A_kilobyte_a_second_carries_every_batch_on_one_connection_and_hardly_one_twice()
    {
        const int Count = 12, Bytes = 300;
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var line = new SlowLine(Server.Port, bytesPerSecond: 1024);
        await using var agent = new AgentDouble(Server.Url("host-a", BrokerNode.AgentPassword, port: line.Port), "host-a", options => options.Heartbeat = TimeSpan.FromSeconds(2));
        await agent.Transport.ConnectAsync(Cancel);

        // All of them at once: more than four seconds of the line, so that heartbeats have to find their way between.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => agent.Transport.PublishAsync(agent.Next(Bytes))));

        Assert.All(outcomes, outcome => Assert.Equal(Agent.Shipping.ShipResult.Accepted, outcome.Result));
        await Eventually.HoldsAsync(() => agent.Committed == Count, () => $"the agent hears of {Count}, not {agent.Committed}");
        Assert.Equal(1, line.Connections);
        Assert.Equal(Count, service.Ingest.Deliveries.Count);
    }

    [Fact]
    public async Task A_batch_that_was_given_out_more_than_twenty_times_is_still_given_out()
    {
        await using (var declares = await ServiceDouble.AttachAsync(Server.ServiceUrl))
        {
            // The queue. Of RabbitMQ 4 the limit would be 20, were it not declared.
        }

        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);
        await agent.Transport.PublishAsync(agent.Next());
        for (var i = 0; i < 25; i++)
        {
            // A consumer that ends before it acknowledges.
            await using var connection = await new ConnectionFactory { Uri = new Uri(Server.ServiceUrl), AutomaticRecoveryEnabled = false }.CreateConnectionAsync(Cancel);
            await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
            BasicGetResult? got = null;
            for (var tries = 0; got is null && tries < 200; tries++)
            {
                got = await channel.BasicGetAsync("metering.ledger", autoAck: false, Cancel);
                if (got is null) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
            }

            Assert.NotNull(got);
        }

        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await Eventually.HoldsAsync(() => service.Ingest.Committed(agent.Epoch) == 1, "it is committed");
    }

    [Fact]
    public async Task A_commit_that_hangs_is_given_up_and_its_delivery_comes_again()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl, options => options.HoldAtMost = TimeSpan.FromSeconds(2));
        var never = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Ingest.Hold = never.Task;
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => agent.Transport.PublishAsync(agent.Next())));
        await Eventually.HoldsAsync(() => service.Ingest.Waiting == 5, "five hang");

        // Only those that hang: what comes again finds the ledger as it should be.
        service.Ingest.Hold = Task.CompletedTask;
        await Eventually.HoldsAsync(() => agent.Committed == 5, () => $"the agent hears of five, not {agent.Committed}; {service.Status.Trouble}");
        Assert.Equal(5, service.Ingest.Waiting);
        Assert.True(service.Status.IsConsumerAttached);
        never.SetResult();
    }

    [Fact]
    public async Task A_ledger_that_is_slow_holds_so_many_deliveries_and_no_more()
    {
        const int Most = 40, Count = 200;
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl, options => options.Prefetch = Most);
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Ingest.Hold = hold.Task;
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);
        foreach (var window in Enumerable.Range(0, Count).Select(_ => agent.Next()).Chunk(64)) await Task.WhenAll(window.Select(agent.Transport.PublishAsync));

        await Eventually.HoldsAsync(() => service.Ingest.Waiting == Most, () => $"{Most} wait, not {service.Ingest.Waiting}");
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Cancel);
        Assert.Equal(Most, service.Ingest.Waiting);
        hold.SetResult();

        await Eventually.HoldsAsync(() => agent.Committed == Count, () => $"the agent hears of {Count}, not {agent.Committed}");
    }
}
