using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Safety;

namespace Metering.Cli.Running;

/// <summary>A cgroup of its own for one command: in the v2 tree, and on a hybrid host at the same path in the v1 hierarchies that meter memory, I/O and tasks.</summary>
internal sealed class RunGroup
{
    private const int Tries = 5;
    private static readonly string[] V1Controllers = ["memory", "pids", "blkio"];

    private readonly string _unified;
    private readonly List<(string Controller, string Mount)> _v1 = [];

    private RunGroup(string unified, string path) => (_unified, Path) = (unified, path);

    /// <summary>Below the cgroup2 root, such as <c>/metering/run-1f…</c>.</summary>
    public string Path { get; }

    /// <summary>The <c>cgroup.procs</c> that the command writes itself into; the first one must work.</summary>
    public IReadOnlyList<string> ProcsFiles => [Directory + "/cgroup.procs", .. _v1.Select(hierarchy => hierarchy.Mount + Path + "/cgroup.procs")];

    private string Directory => _unified + Path;

    /// <summary>Makes the groups. Throws <see cref="UserErrorException"/> with the remedy when this user may not.</summary>
    public static RunGroup Create(CgroupMounts mounts, string? tenant)
    {
        // Fixed length, so that no run's path is the beginning of another's.
        var name = "run-" + RandomNumberGenerator.GetHexString(12, lowercase: true);
        var group = new RunGroup(mounts.Unified, tenant is null ? $"/metering/{name}" : $"/metering/{tenant}/{name}");
        try
        {
            MakeTree(mounts.Unified, group.Path, enableControllers: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"A cgroup can not be made in {mounts.Unified} ({e.Message}); run as root (sudo metering run …), or in a container with a writable cgroup mount (--privileged or -v /sys/fs/cgroup:/sys/fs/cgroup:rw).", inner: e);
        }

        foreach (var controller in V1Controllers)
        {
            if (!mounts.V1.TryGetValue(controller, out var mount) || group._v1.Exists(known => known.Mount == mount)) continue;
            try
            {
                MakeTree(mount, group.Path, enableControllers: false);
                group._v1.Add((controller, mount));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Best effort: the receipt then says nothing of it.
            }
        }

        return group;
    }

    /// <summary>False once no process is left in it or below.</summary>
    public bool IsPopulated() => File.ReadLines(Directory + "/cgroup.events").Contains("populated 1");

    /// <summary>The kernel's own figure: <c>usage_usec</c> of cpu.stat.</summary>
    public long UsageMicroseconds()
    {
        var text = Encoding.ASCII.GetBytes(File.ReadAllText(Directory + "/cpu.stat"));
        return StatParser.TryUsage(text, out var microseconds) ? (long)microseconds : throw new InvalidDataException($"{Directory}/cpu.stat has no usage_usec.");
    }

    /// <summary>memory.peak of v2, else memory.max_usage_in_bytes of v1; null when the kernel keeps neither.</summary>
    public long? PeakMemoryBytes() => Number(Directory + "/memory.peak") ?? (V1("memory") is { } mount ? Number($"{mount}{Path}/memory.max_usage_in_bytes") : null);

    /// <summary>Bytes read from and written to block devices; null when no controller counts them.</summary>
    public (long Read, long Written)? Io()
    {
        try
        {
            if (File.Exists(Directory + "/io.stat")) return SumIo(File.ReadLines(Directory + "/io.stat"));
            if (V1("blkio") is { } mount && new V1Groups(new CgroupMounts(_unified, System.Collections.Frozen.FrozenDictionary.ToFrozenDictionary([KeyValuePair.Create("blkio", mount)]))).Io(Path) is { } rows)
                return (rows.Sum(row => (long)row.ReadBytes), rows.Sum(row => (long)row.WriteBytes));
        }
        catch (IOException)
        {
            // Gone with its controller.
        }

        return null;
    }

    /// <summary>Removes cgroups that the command made below its own and left empty, so that nothing is held back for them.</summary>
    public void RemoveBelow()
    {
        foreach (var directory in System.IO.Directory.EnumerateDirectories(Directory, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length).ToList()) TryRemove(directory);
    }

    /// <summary>Removes the groups, and the parents that no other run uses.</summary>
    public void Remove()
    {
        foreach (var mount in (IEnumerable<string>)[_unified, .. _v1.Select(hierarchy => hierarchy.Mount)])
        {
            for (var path = Path; path.Length > 1 && TryRemove(mount + path); path = path[..Math.Max(path.LastIndexOf('/'), 1)])
            {
            }
        }
    }

    internal static (long Read, long Written) SumIo(IEnumerable<string> lines)
    {
        long read = 0, written = 0;
        foreach (var word in lines.SelectMany(line => line.Split(' ')))
        {
            if (word.StartsWith("rbytes=", StringComparison.Ordinal)) read += long.Parse(word.AsSpan(7), CultureInfo.InvariantCulture);
            else if (word.StartsWith("wbytes=", StringComparison.Ordinal)) written += long.Parse(word.AsSpan(7), CultureInfo.InvariantCulture);
        }

        return (read, written);
    }

    // Another run that ends may take an empty parent away in between; then it is made again.
    private static void MakeTree(string mount, string path, bool enableControllers)
    {
        var steps = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var directory = mount;
                foreach (var step in steps)
                {
                    if (enableControllers) EnableControllers(directory);
                    directory += "/" + step;
                    System.IO.Directory.CreateDirectory(directory);
                }

                return;
            }
            catch (DirectoryNotFoundException) when (attempt < Tries)
            {
                // Once more.
            }
        }
    }

    // Each by itself: one that a v1 hierarchy holds must not keep the others off.
    private static void EnableControllers(string directory)
    {
        var available = Words(directory + "/cgroup.controllers");
        var enabled = Words(directory + "/cgroup.subtree_control");
        foreach (var controller in available.Where(name => name is "cpu" or "memory" or "io" or "pids").Except(enabled))
        {
            try
            {
                File.WriteAllText(directory + "/cgroup.subtree_control", "+" + controller);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Best effort: CPU is counted without any controller.
            }
        }
    }

    private static string[] Words(string file)
    {
        try
        {
            return File.ReadAllText(file).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private string? V1(string controller) => _v1.Find(hierarchy => hierarchy.Controller == controller).Mount;

    private static long? Number(string file)
    {
        try
        {
            return long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool TryRemove(string directory)
    {
        try
        {
            System.IO.Directory.Delete(directory);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
