using System.Text.Json;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>A real <c>metering up</c> on this host's cgroups, with a pass each second.</summary>
public sealed class MeteringUp : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "metering.dll");

    private readonly string _directory = Directory.CreateTempSubdirectory("metering-cli-").FullName;
    private ChildProcess? _up;

    public string Url { get; private set; } = "";

    /// <summary>cgroup tests need root and a cgroup2 mount; without, they are skipped, and fail under CI=true.</summary>
    public static string RequireCgroups()
    {
        var mount = File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" - cgroup2 ", StringComparison.Ordinal)).Select(line => line.Split(' ')[4]).FirstOrDefault();
        if (mount is not null && Environment.UserName == "root") return mount;
        const string Reason = "This test makes cgroups: it needs root and a cgroup2 mount.";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(Reason);
        Assert.Skip(Reason);
        return "";
    }

    public async ValueTask InitializeAsync()
    {
        Url = $"http://127.0.0.1:{Ports.Free()}";
        _up = ChildProcess.Start("dotnet", [Program, "up", "--data", _directory, "--url", Url, "--interval", "1s"], new Dictionary<string, string?> { ["METERING__Alerts__AllowedAddresses"] = "127.0.0.0/8" });
        await _up.WaitForLineAsync("Metering is up", Timeout, CancellationToken.None);
        await _up.WaitUntilAsync(async cancel => (await JsonAsync(cancel, "usage")).GetProperty("rows").GetArrayLength() > 0, "the first usage", Timeout, CancellationToken.None);
    }

    /// <summary>The program with address and key, for a shell.</summary>
    public string CommandLine => $"METERING_URL={Url} METERING_KEY={File.ReadAllText(Path.Combine(_directory, "admin.key")).Trim()} dotnet {Program}";

    public string DataDirectory => _directory;

    /// <summary>Runs a client command against it.</summary>
    /// <returns>Exit code, standard output, standard error.</returns>
    public Task<(int Code, string Output, string Errors)> RunAsync(CancellationToken cancel, params string[] arguments) => RunAsync(arguments, withUrl: true, cancel);

    /// <summary>The same; without the address in its environment, a command is told only what the arguments tell.</summary>
    public Task<(int Code, string Output, string Errors)> RunWithoutUrlAsync(CancellationToken cancel, params string[] arguments) => RunAsync(arguments, withUrl: false, cancel);

    private async Task<(int Code, string Output, string Errors)> RunAsync(string[] arguments, bool withUrl, CancellationToken cancel)
    {
        var start = new System.Diagnostics.ProcessStartInfo("dotnet", [Program, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["METERING_URL"] = withUrl ? Url : "";
        start.Environment["METERING_KEY"] = (await File.ReadAllTextAsync(Path.Combine(_directory, "admin.key"), cancel)).Trim();
        using var process = System.Diagnostics.Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel).WaitAsync(Timeout, TimeProvider.System, cancel);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Runs a command with <c>--format json</c> and reads what it printed.</summary>
    public async Task<JsonElement> JsonAsync(CancellationToken cancel, params string[] arguments)
    {
        var at = Array.IndexOf(arguments, "--");
        string[] all = at < 0 ? [.. arguments, "--format", "json"] : [.. arguments[..at], "--format", "json", .. arguments[at..]];
        var (_, output, errors) = await RunAsync(cancel, all);
        Assert.True(output.Contains('{') || output.Contains('['), $"no JSON from {string.Join(' ', arguments)}:\n{output}\n{errors}");
        return JsonSerializer.Deserialize<JsonElement>(output);
    }

    public async ValueTask DisposeAsync()
    {
        if (_up is not null) await _up.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
