using System.Diagnostics;
using Metering.Agent.Shipping;
using RabbitMQ.Client;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>What arrives, how often it is answered, and how many wait together.</summary>
public sealed class DeliveryTests(BrokerNode node) : BrokerTest(node)
{
    [Fact]
    public async Task Published_batches_reach_the_ledger_unchanged_and_its_answer_reaches_the_agent()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);

        var batches = Enumerable.Range(0, 300).Select(_ => agent.Next()).ToArray();
        var outcomes = new List<ShipOutcome>();
        foreach (var window in batches.Chunk(agent.Transport.Window)) outcomes.AddRange(await Task.WhenAll(window.Select(agent.Transport.PublishAsync)));

        Assert.All(outcomes, outcome => Assert.Equal(ShipResult.Accepted, outcome.Result));
        await Eventually.HoldsAsync(() => agent.Committed == 300, () => $"the agent hears of 300, not {agent.Committed}");
        Assert.All(service.Ingest.Deliveries, delivery => Assert.Equal(("rabbitmq", "host-a", "host-a"), (delivery.Transport, delivery.Login, delivery.RoutingHost)));
        Assert.Equal(
            batches.Select(batch => Convert.ToHexString(batch.Bytes.Span)).Order(),
            service.Ingest.Deliveries.Select(delivery => Convert.ToHexString(delivery.Body.Span)).Order());
    }

    [Fact]
    public async Task Many_deliveries_wait_for_one_commit_and_their_agent_is_answered_about_once()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Ingest.Hold = hold.Task;
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);

        var began = Stopwatch.GetTimestamp();
        foreach (var window in Enumerable.Range(0, 1500).Select(_ => agent.Next()).Chunk(64)) await Task.WhenAll(window.Select(agent.Transport.PublishAsync));
        TestContext.Current.TestOutputHelper?.WriteLine($"1500 publishes confirmed in {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms");
        await Eventually.HoldsAsync(() => service.Ingest.Waiting == 1500, () => $"1500 deliveries wait together, not {service.Ingest.Waiting}");
        hold.SetResult();

        await Eventually.HoldsAsync(() => agent.Committed == 1500, () => $"the agent hears of 1500, not {agent.Committed}");
        Assert.InRange(agent.Answers.Count, 1, 30);
        Assert.Equal(1500, service.Ingest.Calls);
    }

    [Fact]
    public async Task Unavailable_ledger_keeps_deliveries_without_hammering_and_loses_none()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        service.Ingest.Unavailable = true;
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => agent.Transport.PublishAsync(agent.Next())));

        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, Cancel);
        Assert.Empty(service.Ingest.Deliveries);
        Assert.InRange(service.Ingest.Calls, 50, 500); // pauses of 0.25, 0.5, 1, 2 s: about five rounds of fifty
        Assert.True(service.Status.IsConsumerAttached);
        service.Ingest.Unavailable = false;

        await Eventually.HoldsAsync(() => agent.Committed == 50, () => $"the agent hears of 50, not {agent.Committed}");
        Assert.Equal(50, service.Ingest.Deliveries.Count);
    }

    [Fact]
    public async Task Stopping_while_the_ledger_is_unavailable_is_quick_and_the_next_service_gets_every_delivery()
    {
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        var began = 0L;
        await using (var service = await ServiceDouble.AttachAsync(Server.ServiceUrl))
        {
            service.Ingest.Unavailable = true;
            await agent.Transport.ConnectAsync(Cancel);
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => agent.Transport.PublishAsync(agent.Next())));
            await Eventually.HoldsAsync(() => service.Ingest.Calls >= 50, "all were tried");
            began = Stopwatch.GetTimestamp();
        }

        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(9.9)); // 10 s: it would have been waited for in vain
        await using var next = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await Eventually.HoldsAsync(() => next.Ingest.Committed(agent.Epoch) == 50, () => $"50 are committed, not {next.Ingest.Committed(agent.Epoch)}");

        // The bus declares an exchange named like its queue, and binds nothing to it. No _error or _skipped appears.
        Assert.Equal(["metering.ledger", "metering.usage"], (await Server.NamesAsync("list_exchanges")).Where(name => !name.StartsWith("amq.", StringComparison.Ordinal)));
        Assert.Equal(["metering.ledger"], await Server.NamesAsync("list_queues"));
    }

    [Fact]
    public async Task Answer_goes_to_no_other_queue_and_a_vanished_address_disturbs_nothing()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var connection = await new ConnectionFactory { Uri = new Uri(Server.AdminUrl) }.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await channel.QueueDeclareAsync("victim", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancel);
        await using var login = await new ConnectionFactory { Uri = new Uri(AgentUrl("host-a")) }.CreateConnectionAsync(Cancel);
        await using var agentChannel = await login.CreateChannelAsync(cancellationToken: Cancel);
        await using var writer = new AgentDouble(AgentUrl("host-a"), "host-a");

        string[] addresses = ["victim", "", "amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.nonsense", "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA2MTY1MTU5NgAAAAAAAAAAAAAAAA==.AAAA"];
        foreach (var address in addresses)
        {
            var properties = new BasicProperties { UserId = "host-a", ReplyTo = address };
            await agentChannel.BasicPublishAsync("metering.usage", "host-a.usage", false, properties, writer.Next().Bytes, CancellationToken.None);
        }

        // The bare "amq.rabbitmq.reply-to" is refused by the broker when the sender does not consume it: the channel closes and what follows is not sent.
        await Eventually.HoldsAsync(() => service.Ingest.Deliveries.Count >= 2, "the first ones are committed");
        await using var agent = new AgentDouble(AgentUrl("host-b"), "host-b");
        await agent.ShipAllAsync(1, Cancel);

        Assert.Equal(0u, await channel.MessageCountAsync("victim", Cancel));
        Assert.True(service.Status.IsConsumerAttached);
        await channel.QueueDeleteAsync("victim", cancellationToken: Cancel);
    }
}
