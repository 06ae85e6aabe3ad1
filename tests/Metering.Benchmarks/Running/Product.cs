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
    private const string AdminKey = "benchmark-admin-key-0123456789";
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
