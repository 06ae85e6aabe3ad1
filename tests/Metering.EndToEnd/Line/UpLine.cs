using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>One <c>metering up</c> for the tests that do not kill it, and a cgroup that was there before its first pass.</summary>
public sealed class UpLine : IAsyncLifetime
{
    private readonly SemaphoreSlim _once = new(1);
    private bool _started;

    internal ServiceProcess Up { get; } = ServiceProcess.Up();

    internal TestCgroup Older { get; private set; } = null!;

    internal long OlderBefore { get; private set; }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Inside the test and not before it, so that a host without cgroups skips it.</summary>
    internal async Task<ServiceProcess> GetAsync(CancellationToken cancel)
    {
        await _once.WaitAsync(cancel);
        try
        {
            if (_started) return Up;
            Older = TestCgroup.Create();
            await Older.BurnForAsync(TimeSpan.FromMilliseconds(300), cancel);
            OlderBefore = Older.UsageMicroseconds;
            await Up.StartReadyAsync(cancel);
            await Up.FirstPassAsync(cancel);
            _started = true;
            return Up;
        }
        finally
        {
            _once.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Up.DisposeAsync();
        if (Older is not null) await Older.DisposeAsync();
        _once.Dispose();
    }
}
