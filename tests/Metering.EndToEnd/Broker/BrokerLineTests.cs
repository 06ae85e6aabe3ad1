using System.Text;
using Metering.Agent.Shipping;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using RabbitMQ.Client;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>What lies between an agent and the broker: a line that breaks again and again, TLS, and a login that ends while it is in use.</summary>
public sealed class BrokerLineTests(BrokerNode node) : BrokerTest(node)
{
    private const int Batches = 400;
    private const int Cuts = 12;

    [Fact]
    public async Task A_line_that_breaks_again_and_again_gets_every_batch_through_and_leaves_nothing_open()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var line = new CuttingLine(Server.Port);
        await using var agent = new AgentDouble(Server.Url("host-a", BrokerNode.AgentPassword, port: line.Port), "host-a", options => options.PublishTimeout = TimeSpan.FromSeconds(5));

        // Cut while connecting, while publishing, and when all is quiet.
        for (var cut = 1; cut <= Cuts; cut++)
        {
            var shipping = agent.ShipAllAsync((ulong)(cut * (Batches / Cuts)), Cancel);
            await Task.Delay(TimeSpan.FromMilliseconds(15 * cut), TimeProvider.System, Cancel);
            line.Cut();
            await shipping;
        }

        await agent.ShipAllAsync(Batches, Cancel);
        Assert.Equal(Batches, service.Ingest.Committed(agent.Epoch));
        await Eventually.HoldsAsync(() => line.Open <= 1, () => $"one connection is left, not {line.Open}");
    }

    [Fact]
    public async Task A_login_that_is_withdrawn_while_it_is_in_use_ends_publishing_with_the_cause_until_it_is_given_back()
    {
        await Server.AddAgentUserAsync("host-c", BrokerNode.AgentPassword);
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-c"), "host-c");
        await agent.ShipAllAsync(3, Cancel);

        await Server.ControlAsync("delete_user", "host-c");
        Assert.NotEqual(ShipResult.Accepted, (await agent.Transport.PublishAsync(agent.Batch("host-c", 4))).Result);
        await agent.Transport.ResetAsync();
        Assert.Contains("refuses the login 'host-c'", (await Assert.ThrowsAsync<TransportException>(() => agent.Transport.ConnectAsync(Cancel))).Message, StringComparison.Ordinal);
        Assert.Equal(3, service.Ingest.Committed(agent.Epoch));

        await Server.AddAgentUserAsync("host-c", BrokerNode.AgentPassword);
        await agent.ShipAllAsync(6, Cancel);
        Assert.Equal(6, service.Ingest.Committed(agent.Epoch));
        await Server.ControlAsync("delete_user", "host-c");
    }

    [Fact]
    public async Task Two_batches_under_one_message_id_both_take_effect()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var agent = new AgentDouble(AgentUrl("host-a"), "host-a");
        await using var connection = await new ConnectionFactory { Uri = new Uri(AgentUrl("host-a")), AutomaticRecoveryEnabled = false }.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancel);
        var properties = new BasicProperties { MessageId = "11110000-0000-0000-0000-000000000001", CorrelationId = "11110000-0000-0000-0000-000000000001", UserId = "host-a" };
        for (ulong sequence = 1; sequence <= 2; sequence++) await channel.BasicPublishAsync("metering.usage", "host-a.usage", mandatory: true, properties, agent.Batch("host-a", sequence).Bytes, CancellationToken.None);

        await Eventually.HoldsAsync(() => service.Ingest.Committed(agent.Epoch) == 2, () => $"both are committed, not {service.Ingest.Committed(agent.Epoch)}");
    }

    [Fact]
    public async Task Tls_that_does_not_prove_whom_it_talks_to_is_refused_with_the_cause_and_never_done_without()
    {
        await using (var declares = await ServiceDouble.AttachAsync(Server.ServiceUrl))
        {
            // The exchange.
        }

        using var unknown = new TestAuthority();
        await using var stranger = new TlsEndpoint(unknown.Issue("localhost"));
        foreach (var port in new[] { stranger.Port, Server.Port })
        {
            var url = $"amqps://host-a:{BrokerNode.AgentPassword}@localhost:{port}/";
            await using var agent = new AgentDouble(url, "host-a");
            var refused = await Assert.ThrowsAsync<TransportException>(() => agent.Transport.ConnectAsync(Cancel));
            Assert.Contains("TLS with the broker", refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(BrokerNode.AgentPassword, refused.Message, StringComparison.Ordinal);

            await using var service = await ServiceDouble.StartAsync(url);
            await Eventually.HoldsAsync(() => service.Status.Trouble?.Contains("TLS with the broker", StringComparison.Ordinal) is true, () => $"the service says why: {service.Status.Trouble}");
            Assert.False(service.Status.IsConsumerAttached);
        }

        Assert.Equal(0, stranger.Taken);
    }

    /// <summary>The authority of a company is told to .NET as to every program that goes by OpenSSL: SSL_CERT_FILE.</summary>
    [Fact]
    public async Task Tls_by_an_authority_that_the_host_trusts_carries_batches()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        await using var expired = new TlsEndpoint(Server.Authority.Issue("localhost", isExpired: true));
        await using var other = new TlsEndpoint(Server.Authority.Issue("elsewhere.example"));

        Assert.Equal((0, ""), await SimulateAsync(Server.TlsPort));
        Assert.Equal(3, service.Ingest.Deliveries.Count);
        foreach (var port in new[] { expired.Port, other.Port })
        {
            var (code, trouble) = await SimulateAsync(port);
            Assert.True(code == 1 && trouble.Contains("TLS with the broker", StringComparison.Ordinal), trouble);
        }

        foreach (var port in new[] { expired.Port, other.Port }) await ServiceRefusesAsync(port);
        Assert.Equal((0, 0), (expired.Taken, other.Taken));
    }

    private async Task ServiceRefusesAsync(int port)
    {
        using var directory = new TestDirectory();
        await using var service = ChildProcess.Start(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "metering.dll"), "service", "--data", directory.Path, "--url", $"http://127.0.0.1:{Ports.Free()}"],
            new Dictionary<string, string?> { ["SSL_CERT_FILE"] = Server.AuthorityFile, ["METERING__Broker__Url"] = $"amqps://service:secret@localhost:{port}/" });
        await service.WaitForLineAsync($"TLS with the broker at localhost:{port}", TimeSpan.FromSeconds(60), Cancel);
    }

    private async Task<(int Code, string Trouble)> SimulateAsync(int port)
    {
        string[] simulate = [Path.Combine(AppContext.BaseDirectory, "metering.dll"), "simulate", "--hosts", "1", "--workloads", "2", "--passes", "3", "--broker", $"amqps://host-a:{BrokerNode.AgentPassword}@localhost:{port}/"];
        await using var child = ChildProcess.Start("dotnet", simulate, new Dictionary<string, string?> { ["SSL_CERT_FILE"] = Server.AuthorityFile });
        var code = await child.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel);
        return (code, code == 0 ? "" : child.Output);
    }
}
