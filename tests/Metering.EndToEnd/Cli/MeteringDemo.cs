using System.Text.Json;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Cli;

/// <summary>A real <c>metering up --demo</c> that can be killed and started again.</summary>
public sealed class MeteringDemo : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);

    // The program as it was built, with its own files beside it; the copy beside the tests has no page.
    private static readonly string Program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Metering.Cli", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "metering.dll"));

    private readonly string _parent = Directory.CreateTempSubdirectory("metering-demo-").FullName;
    private ChildProcess? _up;

    public string Url { get; } = $"http://127.0.0.1:{Ports.Free()}";

    public string DataDirectory => Path.Combine(_parent, "metering-demo");

    /// <summary>The program with address and key, for a shell.</summary>
    public string CommandLine => $"METERING_URL={Url} METERING_KEY={File.ReadAllText(Path.Combine(DataDirectory, "admin.key")).Trim()} dotnet {Program}";

    public string Output => _up?.Output ?? "";

    /// <summary>Starts it without <c>--data</c>, as a newcomer does, and waits until its month is closed.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        _up = ChildProcess.Start("dotnet", [Program, "up", "--demo", "--url", Url], new Dictionary<string, string?> { ["METERING_ADMIN_KEY"] = null }, _parent);
        await _up.WaitForLineAsync("is closed with", Timeout, cancel);
    }

    public async Task KillAsync(CancellationToken cancel)
    {
        _up!.Kill();
        await _up.WaitForExitAsync(Timeout, cancel);
    }

    /// <summary>Runs a client command against it.</summary>
    public async Task<(int Code, string Output)> RunAsync(CancellationToken cancel, params string[] arguments)
    {
        await using var child = ChildProcess.Start("dotnet", [Program, .. arguments], new Dictionary<string, string?> { ["METERING_URL"] = Url, ["METERING_KEY"] = null }, _parent);
        return (await child.WaitForExitAsync(Timeout, cancel), child.Output);
    }

    public async Task<JsonElement> GetAsync(string path, CancellationToken cancel)
    {
        using var client = new HttpClient { BaseAddress = new Uri(Url) };
        client.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(DataDirectory, "admin.key"), cancel)).Trim());
        return JsonSerializer.Deserialize<JsonElement>(await client.GetStringAsync(path, cancel));
    }

    public async ValueTask DisposeAsync()
    {
        if (_up is not null) await _up.DisposeAsync();
        Directory.Delete(_parent, recursive: true);
    }
}
