using System.Globalization;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;
using Metering.Safety;

namespace Metering.Benchmarks.Peers;

/// <summary>Short-lived cgroups below a parent of their own; what the kernel counted in the parent is the truth.</summary>
internal sealed class ShortLives : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private readonly string _program;

    private ShortLives(string program, string directory) => (_program, Parent) = (program, directory);

    /// <summary>The parent's directory.</summary>
    public string Parent { get; }

    public static ShortLives Create(string root, string directory)
    {
        var program = CCompiler.TryCompile("Peers/lives.c", directory) ?? throw new UserErrorException($"gcc is missing; install it with: {CCompiler.Remedy}");
        var lives = new ShortLives(program, Path.Combine(root, "storm"));
        Directory.CreateDirectory(lives.Parent);
        return lives;
    }

    /// <summary>One after another, each with a process that burns CPU. Returns what the kernel counted, in microseconds.</summary>
    public async Task<long> OneByOneAsync(int count, TimeSpan life, TimeSpan cpu, CancellationToken cancel)
    {
        var before = Usage();
        await RunAsync(count, life, cpu, 1, cancel);
        return Usage() - before;
    }

    /// <summary>So many a second, with nothing in them. Returns how many were made and how long it took.</summary>
    public async Task<(long Made, TimeSpan Wall)> EmptyAsync(int count, TimeSpan life, int perSecond, CancellationToken cancel)
    {
        var words = (await RunAsync(count, life, TimeSpan.Zero, perSecond, cancel)).Split(' ');
        return (long.Parse(words[0], CultureInfo.InvariantCulture), TimeSpan.FromMicroseconds(long.Parse(words[1], CultureInfo.InvariantCulture)));
    }

    public void Dispose()
    {
        foreach (var left in Directory.EnumerateDirectories(Parent)) CgroupDirectory.Remove(left);
        CgroupDirectory.Remove(Parent);
    }

    private Task<string> RunAsync(int count, TimeSpan life, TimeSpan cpu, int perSecond, CancellationToken cancel)
    {
        string[] arguments = [Parent, Text(count), Text(life.TotalMicroseconds), Text(cpu.TotalMicroseconds), Text(perSecond)];
        return ChildProcess.RunAsync(_program, arguments, Limit, cancel);
    }

    private static string Text(double value) => value.ToString("0", CultureInfo.InvariantCulture);

    private long Usage() => long.Parse(File.ReadLines(Parent + "/cpu.stat").First(line => line.StartsWith("usage_usec ", StringComparison.Ordinal)).AsSpan(11), CultureInfo.InvariantCulture);
}
