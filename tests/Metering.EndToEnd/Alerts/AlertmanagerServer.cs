using System.Globalization;
using System.Text.Json;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Alerts;

/// <summary>Debian's Alertmanager on loopback, and <c>amtool</c> to read it.</summary>
internal sealed class AlertmanagerServer : IAsyncDisposable
{
    private const string Program = "/usr/bin/prometheus-alertmanager", Amtool = "/usr/bin/amtool";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private readonly string _directory;
    private readonly ChildProcess _process;

    private AlertmanagerServer(string directory, string address, ChildProcess process) => (_directory, Address, _process) = (directory, address, process);

    public string Address { get; }

    public static async Task<AlertmanagerServer> StartAsync(CancellationToken cancel)
    {
        ServerPackages.Require(Program, "prometheus-alertmanager");
        var directory = Directory.CreateTempSubdirectory("metering-alertmanager-").FullName;
        var address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Ports.Free()}");
        var file = Path.Combine(directory, "alertmanager.yml");
        await File.WriteAllTextAsync(file, "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n", cancel);
        var process = ChildProcess.Start(Program, [$"--config.file={file}", $"--storage.path={directory}", $"--web.listen-address={address}", "--cluster.listen-address="]);
        var server = new AlertmanagerServer(directory, address, process);
        using var client = new HttpClient();
        await process.WaitUntilAsync(async token =>
        {
            try
            {
                return (await client.GetAsync(new Uri($"http://{address}/-/ready"), token)).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "Alertmanager was ready", Soon, cancel);
        return server;
    }

    /// <summary>The alerts that amtool shows: those that are active.</summary>
    public async Task<List<JsonElement>> AlertsAsync(CancellationToken cancel)
    {
        var output = await ChildProcess.RunAsync(Amtool, [$"--alertmanager.url=http://{Address}", "alert", "query", "--output=json"], Soon, cancel);
        return [.. JsonSerializer.Deserialize<JsonElement>(output).EnumerateArray()];
    }

    public Task WaitAsync(Func<List<JsonElement>, bool> predicate, string description, CancellationToken cancel) =>
        _process.WaitUntilAsync(async token => predicate(await AlertsAsync(token)), description, Soon, cancel);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
