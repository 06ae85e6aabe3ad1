using System.Globalization;
using System.Text.Json;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.Peers;

/// <summary>
/// Netdata with its cgroups plugin alone, updating each second: nothing else collected, no health, no machine learning, no name scripts (a process per new cgroup), ten minutes of history in memory.
/// Its directories are private and it listens on loopback only.
/// </summary>
internal sealed class Netdata : IAsyncDisposable
{
    public const string Program = "/usr/sbin/netdata", Remedy = "apt-get install --no-install-recommends netdata-core";
    private static readonly string[] CpuFile = ["cpuacct stat (total CPU)"];
    private static readonly string[] OtherFiles =
    [
        "cpuacct usage (per core CPU)", "cpuacct cpu throttling", "cpuacct cpu shares", "memory", "detailed memory", "memory limits fail count", "swap memory",
        "blkio bandwidth", "blkio operations", "blkio throttle bandwidth", "blkio throttle operations", "blkio queued operations", "blkio merged operations",
        "cpu pressure", "io some pressure", "io full pressure", "memory some pressure", "memory full pressure",
    ];

    private readonly Cage _cage;
    private readonly ChildProcess _process;
    private readonly HttpClient _client;

    private Netdata(Cage cage, ChildProcess process, HttpClient client) => (_cage, _process, _client) = (cage, process, client);

    /// <summary>CPU of the whole process, in microseconds.</summary>
    public long CpuMicroseconds => _cage.CpuMicroseconds;

    public static bool IsInstalled => File.Exists(Program);

    /// <summary>Starts it on a cgroup tree. <paramref name="everyFile"/>: the files it reads by default; otherwise cpu.stat alone.</summary>
    public static async Task<Netdata> StartAsync(string root, string directory, bool everyFile, int discoverySeconds, CancellationToken cancel)
    {
        directory = Directory.CreateDirectory(Path.Combine(directory, Guid.CreateVersion7().ToString("N"))).FullName;
        foreach (var name in (string[])["etc", "cache", "lib", "log", "plugins"]) Directory.CreateDirectory(Path.Combine(directory, name));
        var port = Ports.Free();
        var configuration = Path.Combine(directory, "netdata.conf");
        await File.WriteAllTextAsync(configuration, Configuration(root, directory, port, everyFile, discoverySeconds), cancel);
        var cage = Cage.Create("netdata");
        var process = ChildProcess.Start("/bin/sh", cage.Enter(Program, ["-D", "-c", configuration, "-P", Path.Combine(directory, "pid")]));
        return new Netdata(cage, process, new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}"), Timeout = TimeSpan.FromSeconds(30) });
    }

    /// <summary>Waits until so many cgroups have a chart; one in twenty may lack it, since it makes none for what it has read as zero only.</summary>
    public Task ChartedAsync(int cgroups, CancellationToken cancel) => _process.WaitUntilAsync(
        async token => (await ChartsAsync(token)).Select(id => id[..id.IndexOf('.', StringComparison.Ordinal)]).Distinct().Count() >= cgroups * 0.95,
        $"{cgroups} cgroups had a chart", TimeSpan.FromMinutes(3), cancel);

    /// <summary>CPU of the plugin's threads alone, in microseconds (<c>/proc/PID/task/TID/schedstat</c>).</summary>
    public double PluginMicroseconds()
    {
        double nanoseconds = 0;
        foreach (var thread in Directory.EnumerateDirectories($"/proc/{_process.Id.ToString(CultureInfo.InvariantCulture)}/task"))
        {
            if (File.ReadAllText(thread + "/comm").Contains("cgroups", StringComparison.Ordinal)) nanoseconds += double.Parse(File.ReadAllText(thread + "/schedstat").Split(' ')[0], CultureInfo.InvariantCulture);
        }

        return nanoseconds / 1000;
    }

    /// <summary>CPU microseconds that it shows for the cgroups whose chart begins so, between two instants.</summary>
    public async Task<double> ShownAsync(Func<string, bool> chart, DateTimeOffset from, DateTimeOffset to, CancellationToken cancel)
    {
        double microseconds = 0;
        foreach (var id in (await ChartsAsync(cancel)).Where(id => id.EndsWith(".cpu", StringComparison.Ordinal) && chart(id)))
        {
            // Each row is a second, each column a percentage of one processor.
            var page = await GetAsync(string.Create(CultureInfo.InvariantCulture, $"api/v1/data?chart={Uri.EscapeDataString(id)}&after={from.ToUnixTimeSeconds()}&before={to.ToUnixTimeSeconds()}&format=json"), cancel);
            foreach (var row in page.GetProperty("data").EnumerateArray())
                microseconds += row.EnumerateArray().Skip(1).Where(cell => cell.ValueKind == JsonValueKind.Number).Sum(cell => Math.Abs(cell.GetDouble())) * 10_000;
        }

        return microseconds;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();

        // With thousands of charts it takes longer to end by itself than to measure; nothing of it is kept.
        _process.Kill();
        await _process.DisposeAsync();
        _cage.Dispose();
    }

    private async Task<List<string>> ChartsAsync(CancellationToken cancel)
    {
        try
        {
            var charts = (await GetAsync("api/v1/charts", cancel)).GetProperty("charts");
            return [.. charts.EnumerateObject().Select(chart => chart.Name).Where(name => name.StartsWith("cgroup_", StringComparison.Ordinal))];
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            return [];
        }
    }

    private async Task<JsonElement> GetAsync(string path, CancellationToken cancel) => JsonSerializer.Deserialize<JsonElement>(await _client.GetStringAsync(new Uri(path, UriKind.Relative), cancel));

    private static string Configuration(string root, string directory, int port, bool everyFile, int discoverySeconds) => string.Create(CultureInfo.InvariantCulture, $"""
        [global]
          run as user = {Environment.UserName}
          hostname = bench
        [directories]
          config = {directory}/etc
          cache = {directory}/cache
          lib = {directory}/lib
          log = {directory}/log
          home = {directory}
          plugins = "{directory}/plugins"
          registry = {directory}/lib/registry
        [db]
          mode = ram
          retention = 600
          update every = 1
          storage tiers = 1
        [ml]
          enabled = no
        [health]
          enabled = no
        [statsd]
          enabled = no
        [registry]
          enabled = no
        [web]
          mode = static-threaded
          bind to = 127.0.0.1:{port}
          web server threads = 1
        [logs]
          debug = none
          error = {directory}/log/error.log
          access = none
        [plugins]
          timex = no
          checks = no
          idlejitter = no
          tc = no
          diskspace = no
          proc = no
          netdata monitoring = no
          netdata monitoring extended = no
          statsd = no
          enable running new plugins = no
          check for new plugins every = 72000
          cgroups = yes
        [plugin:cgroups]
          update every = 1
          use unified cgroups = yes
          path to unified cgroups = {root}
          check for new cgroups every = {discoverySeconds}
          enable by default cgroups matching = *
          enable by default cgroups names matching = *
          script to get cgroup names = /bin/false
          script to get cgroup network interfaces = /bin/false
          run script to rename cgroups matching = !*
          cgroups to match as systemd services = !*
          max cgroups to allow = 20000
        {string.Join('\n', (everyFile ? [] : CpuFile.Select(file => $"  enable {file} = yes").Concat(OtherFiles.Select(file => $"  enable {file} = no"))))}

        """);
}
