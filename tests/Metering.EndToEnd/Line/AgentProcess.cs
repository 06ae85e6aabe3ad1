namespace Metering.EndToEnd.Line;

/// <summary>An agent on a directory of its own, with a pass each half second: <c>metering-agent</c> over the broker, <c>metering agent</c> over HTTP.</summary>
internal sealed class AgentProcess : MeteringProcess
{
    private AgentProcess(TestDirectory directory, IReadOnlyDictionary<string, string?> environment, string? program = null)
        : base([.. program is null ? (string[])["agent"] : [], "--data", directory.Path, "--interval", "500ms"], environment, program) => Directory = directory;

    /// <summary>The agent's own program, where its project is built: it is what hosts run.</summary>
    public static string Program => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Metering.Agent", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "metering-agent"));

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

    public static AgentProcess OverBroker(string host, string url) => new(new TestDirectory(), new Dictionary<string, string?> { ["METERING__Agent__HostId"] = host, ["METERING__Broker__Url"] = url }, Program);

    /// <summary>With settings, and files of secrets, of the test's own.</summary>
    public static AgentProcess With(IReadOnlyDictionary<string, string?> environment) => new(new TestDirectory(), environment, Program);

    protected override ValueTask DisposeMoreAsync()
    {
        Directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
