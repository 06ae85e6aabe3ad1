using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.Peers;

/// <summary>metering-agent with a pass each second on the measured tree, its journal on disk, shipping by HTTP to a private service.</summary>
internal sealed class OwnAgent : IAsyncDisposable
{
    private const string Host = "peers";
    private readonly Product _service;
    private readonly Cage _cage;
    private readonly ChildProcess _agent;

    private OwnAgent(Product service, Cage cage, ChildProcess agent) => (_service, _cage, _agent) = (service, cage, agent);

    /// <summary>CPU of the whole agent process, in microseconds.</summary>
    public long CpuMicroseconds => _cage.CpuMicroseconds;

    public static async Task<OwnAgent> StartAsync(string program, string root, string directory, CancellationToken cancel)
    {
        directory = Path.Combine(directory, Guid.CreateVersion7().ToString("N"));
        var service = await Product.StartAsync("service", Path.Combine(directory, "service"), new Dictionary<string, string?>(), cancel);
        try
        {
            var key = await service.AgentKeyAsync(Host, cancel);
            var cage = Cage.Create("agent");
            var settings = new Dictionary<string, string?>
            {
                ["METERING__Agent__HostId"] = Host,
                ["METERING__Agent__CgroupRoot"] = root,
                ["METERING__Agent__ServiceUrl"] = service.Url,
                ["METERING__Agent__Key"] = key,
            };
            var agent = ChildProcess.Start("/bin/sh", cage.Enter(program, ["--data", Path.Combine(directory, "agent"), "--interval", "1s"]), settings);
            var own = new OwnAgent(service, cage, agent);
            await agent.WaitUntilAsync(service.KnowsHostAsync, "its first pass was in the ledger", TimeSpan.FromMinutes(2), cancel);
            return own;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>CPU microseconds that the ledger has, by cgroup path below the tree.</summary>
    public Task<Dictionary<string, decimal>> LedgerAsync(string path, CancellationToken cancel) => _service.CpuAsync(path, cancel);

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        _cage.Dispose();
        await _service.DisposeAsync();
    }
}
