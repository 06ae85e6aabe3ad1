using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.Running;

/// <summary><c>metering up</c> or <c>metering service</c> as a process on a private directory and a loopback port, and its API.</summary>
internal sealed class Product : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);
    public const string AdminKey = "benchmark-admin-key-0123456789";
    private readonly ChildProcess _process;
    private readonly HttpClient _client;

    private Product(ChildProcess process, HttpClient client, string url) => (_process, _client, Url) = (process, client, url);

    public string Url { get; }

    public static async Task<Product> StartAsync(string command, string directory, IReadOnlyDictionary<string, string?> settings, CancellationToken cancel, params string[] more)
    {
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}");
        var environment = new Dictionary<string, string?>(settings) { ["METERING_ADMIN_KEY"] = AdminKey };
        var process = ChildProcess.Start(Program("metering"), [command, "--data", directory, "--url", url, .. more], environment);
        var client = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromMinutes(1) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminKey);
        var product = new Product(process, client, url);
        try
        {
            await process.WaitUntilAsync(product.IsReadyAsync, "it was ready", StartTimeout, cancel);
            return product;
        }
        catch
        {
            await product.DisposeAsync();
            throw;
        }
    }

    /// <summary>A program of the product that lies beside the benchmarks.</summary>
    public static string Program(string name) => Path.Combine(AppContext.BaseDirectory, name);

    public async Task<JsonElement> GetAsync(string path, CancellationToken cancel)
    {
        using var response = await _client.GetAsync(new Uri(path, UriKind.Relative), cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return response.IsSuccessStatusCode ? JsonSerializer.Deserialize<JsonElement>(text) : throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {text}\n{_process.Output}");
    }

    /// <summary>True when the service's roll-up has reached all usage that it may have.</summary>
    public async Task<bool> IsRolledAsync(CancellationToken cancel) => (await GetAsync("v1/rollup", cancel)).GetProperty("complete").GetBoolean();

    public async Task<JsonElement> PostAsync(string path, CancellationToken cancel)
    {
        using var client = new HttpClient { BaseAddress = _client.BaseAddress, Timeout = TimeSpan.FromMinutes(10) };
        client.DefaultRequestHeaders.Authorization = _client.DefaultRequestHeaders.Authorization;
        using var response = await client.PostAsJsonAsync(new Uri(path, UriKind.Relative), new { }, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return response.IsSuccessStatusCode ? JsonSerializer.Deserialize<JsonElement>(text) : throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {text}\n{_process.Output}");
    }

    public async Task PutAsync(string path, object document, CancellationToken cancel)
    {
        using var response = await _client.PutAsJsonAsync(new Uri(path, UriKind.Relative), document, cancel);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancel)}\n{_process.Output}");
    }

    /// <summary>Hands in a batch as an agent does; returns when it is committed.</summary>
    public async Task ShipAsync(byte[] batch, CancellationToken cancel)
    {
        using var content = new ByteArrayContent(batch) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-protobuf") } };
        using var response = await _client.PostAsync(new Uri("v1/usage-batches", UriKind.Relative), content, cancel);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"A batch was refused: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancel)}\n{_process.Output}");
    }

    /// <summary>Reads an answer to its end: milliseconds to its first byte, to the first row after the header, and to the end; and its bytes.</summary>
    public async Task<(double First, double Row, double All, long Bytes)> StreamAsync(string path, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        using var response = await _client.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancel);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        var (buffer, bytes, lines, first, row) = (new byte[65_536], 0L, 0, 0.0, 0.0);
        for (var read = await body.ReadAsync(buffer, cancel); read > 0; read = await body.ReadAsync(buffer, cancel))
        {
            if (bytes == 0) first = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            bytes += read;
            if (lines < 2) lines += buffer.AsSpan(0, read).Count((byte)'\n');
            if (row == 0 && lines >= 2) row = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        return (first, row, Stopwatch.GetElapsedTime(began).TotalMilliseconds, bytes);
    }

    /// <summary>The most memory in RAM since the start or <see cref="ResetPeak"/>: <c>VmHWM</c> of Documentation/filesystems/proc.rst.</summary>
    public long PeakBytes()
    {
        var line = File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/status")).First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Begins <see cref="PeakBytes"/> anew (<c>5</c> to <c>clear_refs</c>).</summary>
    public void ResetPeak() => File.WriteAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/clear_refs"), "5");

    /// <summary>A key with which the agent of one host may ship.</summary>
    public async Task<string> AgentKeyAsync(string host, CancellationToken cancel)
    {
        using var response = await _client.PostAsJsonAsync(new Uri("v1/api-keys", UriKind.Relative), new { role = "agent", host }, cancel);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("secret").GetString()!;
    }

    /// <summary>CPU microseconds by workload path, of all workloads whose path begins so.</summary>
    public async Task<Dictionary<string, decimal>> CpuAsync(string path, CancellationToken cancel)
    {
        var used = new Dictionary<string, decimal>(StringComparer.Ordinal);
        string? cursor = null;
        do
        {
            var page = await GetAsync($"v1/usage?groupBy=workload&limit=10000&filter={Uri.EscapeDataString($"path:{path}*")}{(cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}", cancel);
            foreach (var row in page.GetProperty("rows").EnumerateArray())
            {
                var key = row.GetProperty("key").GetProperty("workload").GetProperty("path").GetString()!;
                if (row.GetProperty("quantities").TryGetProperty("cpuSeconds", out var seconds)) used[key] = used.GetValueOrDefault(key) + seconds.GetDecimal() * 1_000_000;
            }

            cursor = page.TryGetProperty("nextCursor", out var next) && next.ValueKind == JsonValueKind.String ? next.GetString() : null;
        }
        while (!string.IsNullOrEmpty(cursor));
        return used;
    }

    /// <summary>True when the ledger knows a host, which the first pass brings.</summary>
    public async Task<bool> KnowsHostAsync(CancellationToken cancel) => (await GetAsync("v1/hosts", cancel)).GetProperty("hosts").GetArrayLength() > 0;

    public Task FirstPassAsync(CancellationToken cancel) => _process.WaitUntilAsync(KnowsHostAsync, "the first pass was in the ledger", StartTimeout, cancel);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _process.DisposeAsync();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancel)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri("readyz", UriKind.Relative), cancel);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
