using System.Diagnostics;
using Metering.Agent.Shipping;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>The node is killed, frozen or full of memory, in the middle of things.</summary>
public sealed class BrokerFailureTests(BrokerNode node) : BrokerTest(node)
{
    /// <summary>Less than the 20 s that a publish may take unless told otherwise.</summary>
    private static readonly TimeSpan Hung = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Kill_and_restart_of_the_broker_loses_no_batch()
    {
        const ulong Count = 3000;
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a", options => options.PublishTimeout = TimeSpan.FromSeconds(5));

        // RabbitMQ writes what it knows of queues to disk with a delay of about 2 s: killed sooner after the declaration it forgets the queue but not its files,
        // and takes minutes to declare it again. What is tested here is a broker that runs, not one that was just set up.
        await Task.Delay(TimeSpan.FromSeconds(4), TimeProvider.System, Cancel);
        var shipping = agent.ShipAllAsync(Count, Cancel);
        await Eventually.HoldsAsync(() => agent.Committed > Count / 4, "a quarter is committed");
        Assert.False(shipping.IsCompleted);
        await Server.KillAsync();
        await Server.StartAgainAsync();
        var restarted = Stopwatch.GetTimestamp();
        await shipping;

        Assert.Equal((int)Count, service.Ingest.Committed(agent.Epoch));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"all committed {Stopwatch.GetElapsedTime(restarted).TotalSeconds:0.0} s after the restart; {service.Ingest.Deliveries.Count - (int)Count} duplicates");
    }

    [Fact]
    public async Task Frozen_broker_ends_a_publish_as_unknown_in_time_and_a_new_connection_works()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a", options =>
        {
            options.PublishTimeout = TimeSpan.FromSeconds(2);
            options.ConnectTimeout = TimeSpan.FromSeconds(1);
        });
        await agent.Transport.ConnectAsync(Cancel);
        Assert.Equal(ShipResult.Accepted, (await agent.Transport.PublishAsync(agent.Batch("host-a", 1))).Result);

        Server.Freeze();
        var began = Stopwatch.GetTimestamp();
        var outcomes = await Task.WhenAll(Enumerable.Range(2, 64).Select(i => agent.Transport.PublishAsync(agent.Batch("host-a", (ulong)i, labelBytes: 250_000))));
        var took = Stopwatch.GetElapsedTime(began);
        var refused = await Assert.ThrowsAsync<TransportException>(() => agent.Transport.ConnectAsync(Cancel));
        Server.Thaw();

        Assert.All(outcomes, outcome => Assert.Equal(ShipResult.Unknown, outcome.Result));
        Assert.InRange(took, TimeSpan.FromSeconds(1.5), Hung);
        Assert.Contains("does not answer in time", refused.Message, StringComparison.Ordinal);
        await agent.ShipAllAsync(65, Cancel);
        Assert.Equal(65, service.Ingest.Committed(agent.Epoch));
    }

    [Fact]
    public async Task Reset_ends_what_is_under_way_at_once()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.Transport.ConnectAsync(Cancel);

        Server.Freeze();
        var publish = agent.Transport.PublishAsync(agent.Next());
        var began = Stopwatch.GetTimestamp();
        await agent.Transport.ResetAsync();
        var outcome = await publish;
        var took = Stopwatch.GetElapsedTime(began);
        Server.Thaw();

        Assert.Equal(ShipResult.Unknown, outcome.Result);
        Assert.InRange(took, TimeSpan.Zero, Hung);
        Assert.Equal(ShipResult.Unknown, (await agent.Transport.PublishAsync(agent.Next())).Result);
        await agent.ShipAllAsync(2, Cancel);
    }

    [Fact]
    public async Task Session_that_a_frozen_broker_kept_from_ending_never_consumes_again()
    {
        await using (var service = await ServiceDouble.AttachAsync(Server.ServiceUrl, options => options.Heartbeat = TimeSpan.FromSeconds(4)))
        {
            Server.Freeze();
            await Eventually.HoldsAsync(() => !service.Status.IsConsumerAttached, "the session is lost");
            await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, Cancel);
        }

        Server.Thaw();
        await Server.ControlAsync("close_all_connections", "whoever is left connects again");
        for (var i = 0; i < 6; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Cancel);
            Assert.DoesNotContain("metering.ledger", await Server.ControlAsync("list_consumers", "queue_name", "--no-table-headers"));
        }
    }

    [Theory]
    [InlineData("set_vm_memory_high_watermark absolute 1MB", "set_vm_memory_high_watermark absolute 512MB")]
    [InlineData("set_disk_free_limit 999999999999999", "set_disk_free_limit 10MB")]
    public async Task An_alarm_of_memory_or_disk_holds_publishes_back_without_a_storm_of_reconnects(string alarm, string end)
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a", options => options.PublishTimeout = TimeSpan.FromSeconds(1));
        await agent.Transport.ConnectAsync(Cancel);

        await Server.ControlAsync(alarm.Split(' '));
        var publish = agent.Transport.PublishAsync(agent.Batch("host-a", 1));
        try
        {
            // Longer than a publish may take: it is held back by the broker's own word, and waited for.
            await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, Cancel);
            Assert.False(publish.IsCompleted);
        }
        finally
        {
            await Server.ControlAsync(end.Split(' '));
        }

        Assert.Equal(ShipResult.Accepted, (await publish).Result);
        await Eventually.HoldsAsync(() => agent.Committed == 1, "it is committed");
        Assert.Single(service.Ingest.Deliveries);
    }

    [Fact]
    public async Task Wiped_broker_gets_its_topology_back_and_agents_send_again()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await agent.ShipAllAsync(10, Cancel);

        // As after a wipe, with the users kept: the exchange, the queue and what is in it are gone.
        await Server.ControlAsync("eval", "rabbit_exchange:delete(rabbit_misc:r(<<\"/\">>, exchange, <<\"metering.usage\">>), false, <<\"test\">>).");
        await Server.ControlAsync("delete_queue", "metering.ledger");

        await agent.ShipAllAsync(20, Cancel);
        Assert.Equal(20, service.Ingest.Committed(agent.Epoch));
    }
}
