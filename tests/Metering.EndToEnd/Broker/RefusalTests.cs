using Metering.Agent.Shipping;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>What the broker refuses ends with a sentence, and the batch stays with its agent.</summary>
public sealed class RefusalTests(BrokerNode node) : BrokerTest(node)
{
    [Fact]
    public async Task Key_of_another_host_is_refused_by_the_broker()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);

        var foreign = await agent.Transport.PublishAsync(agent.Batch("host-b", 1));
        Assert.Equal(ShipResult.Rejected, foreign.Result);
        Assert.Contains("does not allow 'host-a'", foreign.Reason, StringComparison.Ordinal);

        var after = await agent.Transport.PublishAsync(agent.Batch("host-a", 1));
        Assert.Equal(ShipResult.Unknown, after.Result);
        await agent.Transport.ConnectAsync(Cancel);
        Assert.Equal(ShipResult.Accepted, (await agent.Transport.PublishAsync(agent.Batch("host-a", 1))).Result);
        await Eventually.HoldsAsync(() => agent.Committed == 1, "its own batch is committed");
        Assert.Single(service.Ingest.Deliveries);
    }

    [Fact]
    public async Task Connection_that_can_not_be_made_says_why_and_keeps_the_password_to_itself()
    {
        await using (var service = await ServiceDouble.AttachAsync(Server.ServiceUrl))
        {
            // It declares the exchange.
        }

        var closedPort = LoopbackPorts.Free(1)[0];
        await Server.ControlAsync("add_vhost", "empty");
        await Server.ControlAsync("set_permissions", "-p", "empty", "host-a", "^$", "^metering[.]usage$", "^$");
        await Server.ControlAsync("add_vhost", "closed");
        (string Url, string Says)[] cases =
        [
            ($"amqp://host-a:agent-secret@127.0.0.1:{closedPort}/", "Nothing listens at"),
            (Server.Url("host-a", "wrong-secret"), "refuses the login 'host-a'"),
            (Server.Url("nobody", "agent-secret"), "refuses the login 'nobody'"),
            (Server.Url("host-a", "agent-secret", "missing"), "does not exist"),
            (Server.Url("host-a", "agent-secret", "closed"), "does not let 'host-a' in"),
            (Server.Url("host-a", "agent-secret", "empty"), "exchange metering.usage does not exist"),
            ($"amqp://host-a:agent-secret@no-such-name.invalid/", "is not known"),
            ("http://host-a:agent-secret@127.0.0.1/", "is no broker address"),
            ("amqp://host-a:agent-secret:x@127.0.0.1/", "is no broker address"),
            ("agent-secret", "is no broker address"),
        ];
        foreach (var (url, says) in cases)
        {
            var error = await Assert.ThrowsAsync<TransportException>(async () =>
            {
                await using var agent = new AgentDouble(url, "host-a");
                await agent.Transport.ConnectAsync(Cancel);
            });
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("-secret", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Batch_for_which_no_queue_is_bound_is_rejected_with_the_reason()
    {
        await using (var service = await ServiceDouble.AttachAsync(Server.ServiceUrl))
        {
            // It declares the exchange.
        }

        await Server.ControlAsync("delete_queue", "metering.ledger");
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);

        var outcome = await agent.Transport.PublishAsync(agent.Next());
        Assert.Equal(ShipResult.Rejected, outcome.Result);
        Assert.Contains("has no queue for 'host-a.usage'", outcome.Reason, StringComparison.Ordinal);

        var tooBig = await agent.Transport.PublishAsync(agent.Next(labelBytes: RabbitMqTransport.MaxBatchBytes));
        Assert.Equal(ShipResult.Rejected, tooBig.Result);
        Assert.Contains("the limit is 1048576", tooBig.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Full_queue_refuses_publishes_and_a_queue_with_other_arguments_is_named()
    {
        await using (var service = await ServiceDouble.AttachAsync(Server.ServiceUrl, options => options.MaxQueueBytes = 1 << 20))
        {
            // It declares a queue of 1 MiB.
        }

        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);
        var outcome = ShipOutcome.Accepted;
        for (var i = 0; i < 100 && outcome.Result == ShipResult.Accepted; i++) outcome = await agent.Transport.PublishAsync(agent.Next(labelBytes: 65_000));
        Assert.Equal(ShipResult.Rejected, outcome.Result);
        Assert.Contains("its queue is full", outcome.Reason, StringComparison.Ordinal);

        await using var other = await ServiceDouble.StartAsync(Server.ServiceUrl);
        await Eventually.HoldsAsync(() => other.Status.Trouble?.Contains("'x-max-length-bytes'", StringComparison.Ordinal) is true, () => $"the argument is named: {other.Status.Trouble}");
        Assert.Contains("The queue 'metering.ledger'", other.Status.Trouble, StringComparison.Ordinal);

        await Server.ControlAsync("delete_queue", "metering.ledger");
        await other.AttachedAsync();
        await agent.ShipAllAsync(1, Cancel);
    }

    [Fact]
    public async Task Service_starts_without_a_broker_and_says_what_is_wrong()
    {
        var port = LoopbackPorts.Free(1)[0];
        await using var service = await ServiceDouble.StartAsync($"amqp://service:service-secret@127.0.0.1:{port}/");

        await Eventually.HoldsAsync(() => service.Status.Trouble?.StartsWith($"Nothing listens at 127.0.0.1:{port}", StringComparison.Ordinal) is true, () => $"the cause is said: {service.Status.Trouble}");
        Assert.False(service.Status.IsConsumerAttached);
    }
}
