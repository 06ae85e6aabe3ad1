using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary><c>metering up</c> or <c>metering service</c> on a directory and a port of its own, and its API with the admin key.</summary>
internal sealed class ServiceProcess : MeteringProcess
{
    internal const string AdminKey = "end-to-end-admin-key-0123456789";
    private static readonly TimeSpan Arrival = TimeSpan.FromSeconds(60);

    private ServiceProcess(string command, TestDirectory directory, string url, string[] more, IReadOnlyDictionary<string, string?> environment, string[]? under)
        : base([.. under?[1..] ?? [], .. under is null ? (string[])[] : ["dotnet", Library], command, "--data", directory.Path, "--url", url, .. more], environment, under?[0])
    {
        (Directory, Url) = (directory, url);
        Client = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(30) };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminKey);
    }

    public TestDirectory Directory { get; }

    public string Url { get; }

    public HttpClient Client { get; }

    /// <summary>Agent and service in one, on SQLite, with a pass each half second.</summary>
    /// <param name="under">A command that runs the one after it, such as <c>prlimit --nofile=600</c>.</param>
    public static ServiceProcess Up(IReadOnlyDictionary<string, string?>? settings = null, string[]? under = null) => Make("up", ["--interval", "500ms"], settings, under);

    public static ServiceProcess Service(IReadOnlyDictionary<string, string?>? settings = null) => Make("service", [], settings);

    /// <summary>Whose admin key is among its files of secrets.</summary>
    public static ServiceProcess Service(IReadOnlyDictionary<string, string?> settings, string adminKey)
    {
        var service = new ServiceProcess("service", new TestDirectory(), string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}"), [], settings, null);
        service.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", adminKey);
        return service;
    }

    /// <summary>Starts and waits until it can do its work.</summary>
    public async Task StartReadyAsync(CancellationToken cancel)
    {
        Start();
        await ReadyAsync(cancel);
    }

    public Task ReadyAsync(CancellationToken cancel) => Child.WaitUntilAsync(async token => await StatusAsync("/readyz", token) == HttpStatusCode.OK, "it was ready", Soon, cancel);

    public Task HealthyAsync(CancellationToken cancel) => Child.WaitUntilAsync(async token => await StatusAsync("/healthz", token) == HttpStatusCode.OK, "it answered", Soon, cancel);

    /// <summary>Null when nobody answers.</summary>
    public async Task<HttpStatusCode?> StatusAsync(string path, CancellationToken cancel)
    {
        try
        {
            using var response = await Client.GetAsync(new Uri(path, UriKind.Relative), cancel);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public async Task<JsonElement> GetAsync(string path, CancellationToken cancel)
    {
        using var response = await Client.GetAsync(new Uri(path, UriKind.Relative), cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {text}");
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    public async Task<JsonElement> SendAsync(HttpMethod method, string path, object body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = JsonContent.Create(body) };
        using var response = await Client.SendAsync(request, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {text}");
        return text.Length > 0 ? JsonSerializer.Deserialize<JsonElement>(text) : default;
    }

    /// <summary>CPU microseconds by cgroup path, of all workloads whose path begins so.</summary>
    public async Task<Dictionary<string, decimal>> CpuAsync(string path, CancellationToken cancel)
    {
        var page = await GetAsync($"v1/usage?groupBy=workload&limit=10000&filter={Uri.EscapeDataString($"path:{path}*")}", cancel);
        var used = new Dictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var row in page.GetProperty("rows").EnumerateArray())
        {
            var key = row.GetProperty("key").GetProperty("workload").GetProperty("path").GetString()!;
            used[key] = used.GetValueOrDefault(key) + (row.GetProperty("quantities").TryGetProperty("cpuSeconds", out var seconds) ? seconds.GetDecimal() * 1_000_000 : 0);
        }

        return used;
    }

    /// <summary>Waits until the ledger says exactly what the kernel says, and fails at once when it ever says more.</summary>
    public async Task BilledAsync(TestCgroup cgroup, CancellationToken cancel, long notBilled = 0, Func<string>? more = null)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var used = await TryCpuAsync(cgroup.Path, cancel);
            var kernel = cgroup.UsageMicroseconds - notBilled;
            var billed = used?.Values.Sum();
            Assert.True(billed is null || billed <= kernel, Say("More is billed than was used", billed, kernel));
            if (billed == kernel) return;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Arrival, Say("The ledger did not become equal", billed, kernel));
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancel);
        }

        string Say(string what, decimal? billed, long kernel) => string.Create(
            CultureInfo.InvariantCulture, $"{what}: ledger {billed} µs, kernel {kernel} µs of {cgroup.Path}\n{Output}\n{more?.Invoke()}");
    }

    /// <summary>Waits until the ledger knows something of a cgroup.</summary>
    public async Task SeenAsync(string path, CancellationToken cancel) =>
        await Child.WaitUntilAsync(async token => (await TryCpuAsync(path, token))?.Values.Sum() > 0, $"usage of {path} arrived", Soon, cancel);

    /// <summary>Waits for the first pass: what is made later is a newborn.</summary>
    public async Task FirstPassAsync(CancellationToken cancel) => await Child.WaitUntilAsync(
        async token => (await GetAsync("v1/hosts", token)).GetProperty("hosts").GetArrayLength() > 0, "the first pass was in the ledger", Soon, cancel);

    public async Task<string> TextAsync(string path, string accept, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await Client.SendAsync(request, cancel);
        response.EnsureSuccessStatusCode();
        return Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(cancel));
    }

    protected override ValueTask DisposeMoreAsync()
    {
        Client.Dispose();
        Directory.Dispose();
        return ValueTask.CompletedTask;
    }

    private static ServiceProcess Make(string command, string[] more, IReadOnlyDictionary<string, string?>? settings, string[]? under = null)
    {
        var environment = new Dictionary<string, string?>(settings ?? new Dictionary<string, string?>()) { ["METERING_ADMIN_KEY"] = AdminKey };
        return new ServiceProcess(command, new TestDirectory(), string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}"), more, environment, under);
    }

    private async Task<Dictionary<string, decimal>?> TryCpuAsync(string path, CancellationToken cancel)
    {
        try
        {
            return await CpuAsync(path, cancel);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
