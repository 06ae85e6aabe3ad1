using System.Globalization;
using Metering.Agent.Cgroups;
using Metering.Safety;

namespace Metering.Benchmarks.Running;

/// <summary>
/// Cgroups of its own for a process that is measured. The kernel counts its CPU there to the microsecond, ended threads and children included, and charges its memory there:
/// in the v2 tree where that has the memory controller, else in the v1 hierarchy. Removed when disposed; the process must have ended.
/// </summary>
internal sealed class Cage : IDisposable
{
    private readonly string _unified;
    private readonly string? _v1Memory;

    private Cage(string unified, string? v1Memory) => (_unified, _v1Memory) = (unified, v1Memory);

    /// <summary>Memory of the process is charged to a cgroup of its own.</summary>
    public bool ChargesMemory => _v1Memory is not null || File.Exists(_unified + "/memory.current");

    public static Cage Create(string name)
    {
        var mounts = CgroupMounts.Read();
        name = string.Create(CultureInfo.InvariantCulture, $"metering-bench-{Environment.ProcessId}-{name}");
        var cage = new Cage(Path.Combine(mounts.Unified, name), mounts.V1.TryGetValue("memory", out var memory) ? Path.Combine(memory, name) : null);
        try
        {
            Directory.CreateDirectory(cage._unified);
            if (cage._v1Memory is not null) Directory.CreateDirectory(cage._v1Memory);
            return cage;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            cage.Dispose();
            throw new UserErrorException($"No cgroup can be made below '{mounts.Unified}' ({e.Message}); run this benchmark as root.", inner: e);
        }
    }

    /// <summary>The command that enters the cgroups before its first instruction: a shell that becomes it.</summary>
    public IEnumerable<string> Enter(string program, IEnumerable<string> arguments)
    {
        var enter = $"echo 0 > {_unified}/cgroup.procs" + (_v1Memory is null ? "" : $" && echo 0 > {_v1Memory}/cgroup.procs");
        return ["-c", enter + " && exec \"$@\"", "sh", program, .. arguments];
    }

    /// <summary>User and system time of all that ran in here.</summary>
    public long CpuMicroseconds => Number(_unified + "/cpu.stat", "usage_usec ");

    /// <summary>What the kernel charges now.</summary>
    public MemoryCharge Memory()
    {
        if (_v1Memory is null)
        {
            return new MemoryCharge(long.Parse(File.ReadAllText(_unified + "/memory.current"), CultureInfo.InvariantCulture),
                Number(_unified + "/memory.stat", "file "), Number(_unified + "/memory.stat", "kernel "));
        }

        return new MemoryCharge(long.Parse(File.ReadAllText(_v1Memory + "/memory.usage_in_bytes"), CultureInfo.InvariantCulture), Number(_v1Memory + "/memory.stat", "cache "),
            File.Exists(_v1Memory + "/memory.kmem.usage_in_bytes") ? long.Parse(File.ReadAllText(_v1Memory + "/memory.kmem.usage_in_bytes"), CultureInfo.InvariantCulture) : null);
    }

    public void Dispose()
    {
        if (_v1Memory is not null) CgroupDirectory.Remove(_v1Memory);
        CgroupDirectory.Remove(_unified);
    }

    private static long Number(string file, string key) =>
        long.Parse(File.ReadLines(file).First(line => line.StartsWith(key, StringComparison.Ordinal)).AsSpan(key.Length), CultureInfo.InvariantCulture);
}
