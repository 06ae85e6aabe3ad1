using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>The product as a process: the <c>metering</c> that lies beside the tests. Can be killed and started again with the same arguments.</summary>
internal class MeteringProcess(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment, string? program = null) : IAsyncDisposable
{
    protected static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);
    private readonly List<string> _earlier = [];
    private ChildProcess? _child;

    /// <summary>For <c>dotnet</c>.</summary>
    public static string Library => Path.Combine(AppContext.BaseDirectory, "metering.dll");

    public ChildProcess Child => _child ?? throw new InvalidOperationException("It was not started.");

    /// <summary>What it has said in all its lives.</summary>
    public string Output => string.Join('\n', [.. _earlier, _child?.Output ?? ""]);

    public static ChildProcess Launch(IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null) =>
        ChildProcess.Start("dotnet", [Library, .. arguments], environment);

    public void Start()
    {
        if (_child is not null) _earlier.Add(_child.Output);
        _child = program is null ? Launch(arguments, environment) : ChildProcess.Start(program, arguments, environment);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync(CancellationToken cancel)
    {
        Child.Kill();
        await Child.WaitForExitAsync(Soon, cancel);
    }

    /// <summary>SIGTERM; a clean stop ends with 0.</summary>
    public async Task StopAsync(CancellationToken cancel)
    {
        Child.Terminate();
        var code = await Child.WaitForExitAsync(Soon, cancel);
        Assert.True(code == 0, $"A clean stop ended with {code}:\n{Output}");
    }

    /// <summary>What goes wrong is told in sentences.</summary>
    public void SaidNoStackTrace() => Assert.False(Output.Contains("   at ", StringComparison.Ordinal), Output);

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_child is not null) await _child.DisposeAsync();
        await DisposeMoreAsync();
    }

    protected virtual ValueTask DisposeMoreAsync() => ValueTask.CompletedTask;
}
