using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Ui;

/// <summary>The real <c>metering up</c> on a free port and an empty data directory.</summary>
internal sealed class RunningMetering : IAsyncDisposable
{
    private readonly string _data;
    private readonly ChildProcess _process;

    private RunningMetering(string data, ChildProcess process, string url)
    {
        _data = data;
        _process = process;
        Url = url;
        Client = new HttpClient { BaseAddress = new Uri(url) };
    }

    public string Url { get; }

    /// <summary>Calls the API as admin.</summary>
    public HttpClient Client { get; }

    public string AdminKey => Client.DefaultRequestHeaders.Authorization!.Parameter!;

    public string SignInLink { get; private set; } = "";

    public string Output => _process.Output;

    /// <summary>Starts it and waits until it listens.</summary>
    public static async Task<RunningMetering> StartAsync(CancellationToken cancel)
    {
        // The program as it was built, with its own files beside it; the copy beside the tests has no page.
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));
        var program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Metering.Cli", configuration, "metering.dll"));
        var data = Directory.CreateTempSubdirectory("metering-ui-").FullName;
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}");
        var process = ChildProcess.Start("dotnet", [program, "up", "--data", data, "--url", url, "--interval", "1s"], new Dictionary<string, string?> { ["METERING_ADMIN_KEY"] = null });
        var running = new RunningMetering(data, process, url);
        try
        {
            var line = await process.WaitForLineAsync("/sign-in?token=", TimeSpan.FromSeconds(60), cancel);
            running.SignInLink = line[line.IndexOf("http://", StringComparison.Ordinal)..].Trim();
            var key = (await File.ReadAllTextAsync(Path.Combine(data, "admin.key"), cancel)).Trim();
            running.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
            return running;
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    /// <summary>CPU seconds of the last day by kind and name, as the API tells them.</summary>
    public async Task<Dictionary<(string Kind, string Name), decimal>> CpuSecondsAsync(CancellationToken cancel)
    {
        var answer = await Client.GetFromJsonAsync<JsonElement>("/v1/usage?from=1d&groupBy=workload", cancel);
        return answer.GetProperty("rows").EnumerateArray().ToDictionary(
            row => (row.GetProperty("key").GetProperty("workload").GetProperty("kind").GetString()!, row.GetProperty("key").GetProperty("workload").GetProperty("name").GetString()!),
            row => row.GetProperty("quantities").TryGetProperty("cpuSeconds", out var cpu) ? cpu.GetDecimal() : 0);
    }

    public async Task PutAsync(string path, object document, CancellationToken cancel)
    {
        using var answer = await Client.PutAsJsonAsync(path, document, cancel);
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"PUT {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancel)}");
    }

    /// <summary>Makes a key and returns its id and its secret.</summary>
    public async Task<(string Id, string Secret)> NewKeyAsync(string role, string? tenant, CancellationToken cancel)
    {
        using var answer = await Client.PostAsJsonAsync("/v1/api-keys", new { role, tenant, name = "test " + Guid.CreateVersion7().ToString("N") }, cancel);
        var key = await answer.Content.ReadFromJsonAsync<JsonElement>(cancel);
        return (key.GetProperty("id").GetString()!, key.GetProperty("secret").GetString()!);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _process.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }
}
