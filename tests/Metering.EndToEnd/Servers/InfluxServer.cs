using System.Globalization;
using System.Text.Json;

namespace Metering.EndToEnd.Servers;

/// <summary>A private InfluxDB 1.6 on loopback with a database <c>metering</c>. It can be killed and started again on the same data.</summary>
public sealed class InfluxServer : IAsyncDisposable
{
    private const string Program = "/usr/bin/influxd";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("metering-influx-").FullName;
    private readonly HttpClient _client;
    private ChildProcess? _server;

    private InfluxServer()
    {
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}");
        _client = new HttpClient { BaseAddress = new Uri(Url) };
    }

    public string Url { get; }

    public static async Task<InfluxServer> StartAsync(CancellationToken cancel)
    {
        ServerPackages.Require(Program, "influxdb");
        var influx = new InfluxServer();
        var backup = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Ports.Free()}");
        await System.IO.File.WriteAllTextAsync(influx.File("influxdb.conf"), $"""
            reporting-disabled = true
            bind-address = "{backup}"
            [meta]
              dir = "{influx.File("meta")}"
            [data]
              dir = "{influx.File("data")}"
              wal-dir = "{influx.File("wal")}"
            [monitor]
              store-enabled = false
            [http]
              bind-address = "{new Uri(influx.Url).Authority}"
              log-enabled = false
            """, cancel);
        try
        {
            await influx.StartAgainAsync(cancel);
            using var made = await influx._client.PostAsync(new Uri("/query?q=" + Uri.EscapeDataString("CREATE DATABASE metering"), UriKind.Relative), null, cancel);
            made.EnsureSuccessStatusCode();
            return influx;
        }
        catch
        {
            await influx.DisposeAsync();
            throw;
        }
    }

    public async Task StartAgainAsync(CancellationToken cancel)
    {
        if (_server is not null) await _server.DisposeAsync();
        _server = ChildProcess.Start(Program, ["-config", File("influxdb.conf")]);
        await _server.WaitUntilAsync(async token =>
        {
            try
            {
                using var pong = await _client.GetAsync(new Uri("/ping", UriKind.Relative), token);
                return pong.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "InfluxDB answered", StartTimeout, cancel);
    }

    public async Task KillAsync(CancellationToken cancel)
    {
        _server!.Kill();
        await _server.WaitForExitAsync(StartTimeout, cancel);
    }

    /// <summary>SIGSTOP: connections stay open and nothing is answered.</summary>
    public void Freeze() => _server!.Freeze();

    public void Thaw() => _server!.Thaw();

    /// <summary>The series of an InfluxQL query: tags, columns and values; fails with the server's words when it is refused.</summary>
    public async Task<JsonElement[]> QueryAsync(string query, CancellationToken cancel)
    {
        using var response = await _client.GetAsync(new Uri("/query?db=metering&epoch=ns&q=" + Uri.EscapeDataString(query), UriKind.Relative), cancel);
        var answer = JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync(cancel));
        if (answer.TryGetProperty("error", out var error)) throw new InvalidOperationException($"{error.GetString()}: {query}");
        var result = answer.GetProperty("results")[0];
        if (result.TryGetProperty("error", out error)) throw new InvalidOperationException($"{error.GetString()}: {query}");
        return result.TryGetProperty("series", out var series) ? [.. series.EnumerateArray()] : [];
    }

    /// <summary>The one number that a query gives; 0 without a series.</summary>
    public async Task<decimal> NumberAsync(string query, CancellationToken cancel) =>
        await QueryAsync(query, cancel) is [var series, ..] ? series.GetProperty("values")[0][1].GetDecimal() : 0;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _client.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string File(string name) => Path.Combine(_directory, name);
}
