using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>One <c>metering service</c> on SQLite for tests that only talk to it, with keys of two agents.</summary>
public sealed class ServiceLine : IAsyncLifetime
{
    internal ServiceProcess Service { get; } = ServiceProcess.Service();

    internal string KeyOfA { get; private set; } = "";

    internal string KeyOfB { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        await Service.StartReadyAsync(CancellationToken.None);
        KeyOfA = await KeyAsync("edge-a");
        KeyOfB = await KeyAsync("edge-b");
    }

    public ValueTask DisposeAsync() => Service.DisposeAsync();

    private async Task<string> KeyAsync(string host) =>
        (await Service.SendAsync(HttpMethod.Post, "v1/api-keys", new { role = "agent", host }, CancellationToken.None)).GetProperty("secret").GetString()!;
}
