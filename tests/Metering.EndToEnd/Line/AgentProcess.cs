namespace Metering.EndToEnd.Line;

/// <summary><c>metering agent</c> on a directory of its own, with a pass each half second.</summary>
internal sealed class AgentProcess : MeteringProcess
{
    private AgentProcess(TestDirectory directory, IReadOnlyDictionary<string, string?> environment)
        : base(["agent", "--data", directory.Path, "--interval", "500ms"], environment) => Directory = directory;

    public TestDirectory Directory { get; }

    /// <summary>Ships to a service by HTTP with its own key.</summary>
    public static async Task<AgentProcess> OverHttpAsync(ServiceProcess service, string host, CancellationToken cancel, string? metricsUrl = null)
    {
        var key = await service.SendAsync(HttpMethod.Post, "v1/api-keys", new { role = "agent", host }, cancel);
        return new AgentProcess(new TestDirectory(), new Dictionary<string, string?>
        {
            ["METERING__Agent__HostId"] = host,
            ["METERING__Agent__ServiceUrl"] = service.Url,
            ["METERING__Agent__MetricsUrl"] = metricsUrl,
            ["METERING__Agent__Key"] = key.GetProperty("secret").GetString(),
        });
    }

    public static AgentProcess OverBroker(string host, string url) => new(new TestDirectory(), new Dictionary<string, string?> { ["METERING__Agent__HostId"] = host, ["METERING__Broker__Url"] = url });

    protected override ValueTask DisposeMoreAsync()
    {
        Directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
