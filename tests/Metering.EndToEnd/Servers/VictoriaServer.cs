using System.Globalization;
using System.Text.Json;

namespace Metering.EndToEnd.Servers;

/// <summary>A private VictoriaMetrics on loopback.</summary>
public sealed class VictoriaServer : IAsyncDisposable
{
    private const string Program = "/usr/bin/victoria-metrics";
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-victoria-").FullName;
    private readonly HttpClient _client;
    private readonly ChildProcess _server;

    private VictoriaServer()
    {
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}");
        _client = new HttpClient { BaseAddress = new Uri(Url) };

        // The same point twice is one point only with its deduplication; points of one series are further apart than this.
        _server = ChildProcess.Start(Program, [$"-storageDataPath={_directory}", $"-httpListenAddr={new Uri(Url).Authority}", "-retentionPeriod=100y", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=128MB"]);
    }

    public string Url { get; }

    public static async Task<VictoriaServer> StartAsync(CancellationToken cancel)
    {
        ServerPackages.Require(Program, "victoria-metrics");
        var victoria = new VictoriaServer();
        try
        {
            await victoria._server.WaitUntilAsync(async token =>
            {
                try
                {
                    using var health = await victoria._client.GetAsync(new Uri("/health", UriKind.Relative), token);
                    return health.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            }, "VictoriaMetrics answered", TimeSpan.FromSeconds(60), cancel);
            return victoria;
        }
        catch
        {
            await victoria.DisposeAsync();
            throw;
        }
    }

    /// <summary>The values of an instant query (PromQL) at a time; what was written last is made visible first.</summary>
    public async Task<Dictionary<string, decimal>> QueryAsync(string query, DateTimeOffset at, string label, CancellationToken cancel)
    {
        (await _client.GetAsync(new Uri("/internal/force_flush", UriKind.Relative), cancel)).Dispose();
        var text = await _client.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?nocache=1&query={Uri.EscapeDataString(query)}&time={at.ToUnixTimeSeconds()}"), UriKind.Relative), cancel);
        using var answer = JsonDocument.Parse(text);
        return answer.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().ToDictionary(
            series => series.GetProperty("metric").TryGetProperty(label, out var name) ? name.GetString()! : "",
            series => decimal.Parse(series.GetProperty("value")[1].GetString()!, NumberStyles.Float, CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _client.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
