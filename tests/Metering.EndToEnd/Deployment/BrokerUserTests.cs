using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Service.Ingest.RabbitMq;
using Metering.Tests.Support;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>RabbitMQ's definitions of the repository, imported into a real node: a host's user can do nothing but publish as itself.</summary>
public sealed class BrokerUserTests
{
    private const string ServicePassword = "service-password-0123456789", Password = "host-a-password-0123456789", OtherPassword = "host-b-password-0123456789";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_hosts_user_publishes_under_its_own_name_and_can_do_nothing_else()
    {
        await using var server = await RabbitMqServer.StartAsync();
        using var directory = new TestDirectory();
        await File.WriteAllTextAsync(directory.File("users.json"), await DefinitionsAsync($"{ServicePassword}\n{Password}\n{OtherPassword}\n", 0, "service", "host", "host-a", "host", "host-b"), Cancel);
        await server.ControlAsync("import_definitions", Path.Combine(RepositoryFiles.Root, "deploy/rabbitmq/topology.json"));
        await server.ControlAsync("import_definitions", directory.File("users.json"));

        // What the definitions declare is what the service declares: a difference would be refused (406).
        await using var service = await ConnectAsync(server.Url("service", ServicePassword));
        await BrokerTopology.DeclareAsync(service, new BrokerOptions(), Cancel);
        await using var reading = await service.CreateChannelAsync(cancellationToken: Cancel);

        await using var host = await ConnectAsync(server.Url("host-a", Password));
        await PublishAsync(host, "metering.usage", "host-a.usage", "host-a");
        var message = await reading.BasicGetAsync("metering.ledger", autoAck: true, Cancel);
        Assert.Equal("host-a", message?.BasicProperties.UserId);

        // As another host: by key, and by name. By the default exchange past the topic. To no queue of its own, and from none.
        await RefusedAsync(403, () => PublishAsync(host, "metering.usage", "host-b.usage", "host-a"));
        await RefusedAsync(406, () => PublishAsync(host, "metering.usage", "host-a.usage", "host-b"));
        await RefusedAsync(403, () => PublishAsync(host, "", "metering.ledger", "host-a"));
        await RefusedAsync(403, () => InAsync(host, channel => channel.BasicGetAsync("metering.ledger", autoAck: true, Cancel)));
        await RefusedAsync(403, () => InAsync(host, channel => channel.BasicConsumeAsync("metering.ledger", autoAck: true, new AsyncDefaultBasicConsumer(channel), Cancel)));
        await RefusedAsync(403, () => InAsync(host, channel => channel.QueueDeclareAsync("mine", cancellationToken: Cancel)));
        await RefusedAsync(403, () => InAsync(host, channel => channel.QueueDeleteAsync("metering.ledger", cancellationToken: Cancel)));
        await RefusedAsync(403, () => InAsync(host, channel => channel.QueuePurgeAsync("metering.ledger", Cancel)));
        Assert.Null(await reading.BasicGetAsync("metering.ledger", autoAck: true, Cancel));

        // Each has a password of its own, and it is rotated by importing another one.
        await Assert.ThrowsAsync<BrokerUnreachableException>(() => ConnectAsync(server.Url("host-b", Password)));
        await File.WriteAllTextAsync(directory.File("rotated.json"), await DefinitionsAsync("another-password-0123456789\n", 0, "host", "host-a"), Cancel);
        await server.ControlAsync("import_definitions", directory.File("rotated.json"));
        await Assert.ThrowsAsync<BrokerUnreachableException>(() => ConnectAsync(server.Url("host-a", Password)));
        await using var again = await ConnectAsync(server.Url("host-a", "another-password-0123456789"));
        await PublishAsync(again, "metering.usage", "host-a.usage", "host-a");
    }

    [Theory]
    [InlineData("", "has fewer than 16 characters", "host", "a")]
    [InlineData("short\n", "has fewer than 16 characters", "host", "a")]
    [InlineData("0123456789abcdef\n", "is no host id", "host", "a\",\"tags\":[\"administrator\"],\"x\":\"")]
    [InlineData("0123456789abcdef\n", "is no host id", "host", "service")]
    [InlineData("0123456789abcdef\n", "is unknown", "admin", "a")]
    public async Task What_is_wrong_is_told_and_nothing_is_printed_as_definitions(string input, string said, params string[] arguments)
    {
        var output = await DefinitionsAsync(input, 2, arguments);

        Assert.Contains(said, output, StringComparison.Ordinal);
        Assert.DoesNotContain("password_hash", output, StringComparison.Ordinal);
    }

    private static Task<string> DefinitionsAsync(string input, int exitCode, params string[] arguments) =>
        ChildProcess.RunAsync(Path.Combine(RepositoryFiles.Root, "deploy/rabbitmq/user"), arguments, Limit, Cancel, input, exitCode);

    private static Task<IConnection> ConnectAsync(string url) => new ConnectionFactory { Uri = new Uri(url), AutomaticRecoveryEnabled = false }.CreateConnectionAsync(Cancel);

    private static Task PublishAsync(IConnection connection, string exchange, string key, string user) =>
        InAsync(connection, channel => channel.BasicPublishAsync(exchange, key, mandatory: true, new BasicProperties { UserId = user }, new byte[] { 1 }, Cancel).AsTask());

    // With confirms: a refusal closes the channel, and is thrown by what waits for the confirm.
    private static async Task InAsync(IConnection connection, Func<IChannel, Task> act)
    {
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancel);
        await act(channel);
    }

    private static async Task RefusedAsync(int code, Func<Task> act)
    {
        var refusal = await Assert.ThrowsAnyAsync<OperationInterruptedException>(act);
        Assert.Equal(code, (int?)refusal.ShutdownReason?.ReplyCode);
    }
}
