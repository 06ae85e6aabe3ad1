using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Metering.Agent.Cgroups;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>A cgroup of this host that a test made, with what burns CPU in it. The kernel's own counter is the truth that the ledger is held against.</summary>
internal sealed class TestCgroup : IAsyncDisposable
{
    private const string Mount = "/sys/fs/cgroup/unified";
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(10);

    // Bursts of about 25 ms: a test that keeps a processor to itself would slow down what it looks at.
    private const string Loop = "while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.03; done";

    private readonly byte[] _directory;
    private readonly List<TestCgroup> _children = [];
    private readonly List<ChildProcess> _burners = [];
    private bool _removed;

    private TestCgroup(byte[] directory, string path)
    {
        (_directory, Path) = (directory, path);
        RawFiles.MakeDirectory(directory);
    }

    /// <summary>Below the cgroup2 root, as the API shows it; only what is text.</summary>
    public string Path { get; }

    /// <summary>The kernel's <c>usage_usec</c>, subtree included.</summary>
    public long UsageMicroseconds => long.Parse(
        RawFiles.ReadText(File("cpu.stat")).Split('\n').First(line => line.StartsWith("usage_usec ", StringComparison.Ordinal))["usage_usec ".Length..], CultureInfo.InvariantCulture);

    /// <summary>What a file of it says.</summary>
    public string Read(string file) => RawFiles.ReadText(File(file));

    /// <summary>A top-level cgroup of a random name; skips the test (fails it under CI) where none can be made.</summary>
    public static TestCgroup Create()
    {
        var name = "e2e-" + RandomNumberGenerator.GetHexString(10, lowercase: true);
        try
        {
            return new TestCgroup(Encoding.UTF8.GetBytes($"{CgroupMounts.Read().Unified}/{name}"), "/" + name);
        }
        catch (Exception e) when (e is IOException or Safety.UserErrorException)
        {
            var reason = $"No cgroup can be made here ({e.Message}); run as root on a host with cgroup2, such as one with {Mount}.";
            if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
            Assert.Skip(reason);
            throw;
        }
    }

    public TestCgroup Child(string name) => Child(Encoding.UTF8.GetBytes(name));

    /// <summary>A child of any name that the kernel takes.</summary>
    public TestCgroup Child(byte[] name)
    {
        var child = new TestCgroup([.. _directory, (byte)'/', .. name], Path + "/" + Encoding.UTF8.GetString(name));
        _children.Add(child);
        return child;
    }

    /// <summary>Starts something that burns CPU here until <see cref="StopAsync"/>.</summary>
    public void Burn()
    {
        var burner = ChildProcess.Start("sh", ["-c", Loop]);
        _burners.Add(burner);
        RawFiles.WriteText(File("cgroup.procs"), burner.Id.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Writes one of its interface files.</summary>
    public void Write(string file, string text) => RawFiles.WriteText(File(file), text);

    /// <summary>Runs something here that counts to a number and ends; a thousand take about 2 ms. The counter stands still afterwards.</summary>
    public void Spend(int count)
    {
        using var process = System.Diagnostics.Process.Start("sh", ["-c", "echo 0 > \"$1/cgroup.procs\" && i=0 && while [ $i -lt $2 ]; do i=$((i+1)); done", "sh", Encoding.UTF8.GetString(_directory), count.ToString(CultureInfo.InvariantCulture)]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Removes it if nothing lives in it.</summary>
    public bool TryRemove() => _removed = RawFiles.TryRemoveDirectory(_directory);

    /// <summary>Ends what burns here; the counter stands still afterwards.</summary>
    public async Task StopAsync()
    {
        foreach (var burner in _burners) await burner.DisposeAsync();
        _burners.Clear();
        for (var tries = 0; RawFiles.ReadText(File("cgroup.procs")).Length > 0 && tries < 500; tries++) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }

    public async Task BurnForAsync(TimeSpan time, CancellationToken cancel)
    {
        Burn();
        await Task.Delay(time, TimeProvider.System, cancel);
        await StopAsync();
    }

    /// <summary>Stops what burns and removes the cgroup with all below it.</summary>
    public async Task RemoveAsync()
    {
        if (_removed) return;
        _removed = true;
        foreach (var child in _children) await child.RemoveAsync();
        await StopAsync();
        var began = TimeProvider.System.GetTimestamp();
        while (!RawFiles.TryRemoveDirectory(_directory))
        {
            if (TimeProvider.System.GetElapsedTime(began) > EndTimeout) throw new IOException($"The cgroup {Path} can not be removed.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync() => await RemoveAsync();

    private byte[] File(string name) => [.. _directory, (byte)'/', .. Encoding.ASCII.GetBytes(name)];
}
