using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>Reads v1 hierarchies: which process is in which group (/proc/PID/cgroup, cgroups(7)), and a group's figures.</summary>
internal sealed class V1Groups(CgroupMounts mounts, string proc = "/proc", string? joinBy = null)
{
    public bool Has(string controller) => mounts.V1.ContainsKey(controller);

    /// <summary>Number of the group's instance, the inode of its directory: a group that was made anew at the same path has other counters. 0 when it is gone.</summary>
    public ulong Instance(string controller, string path) =>
        mounts.V1.TryGetValue(controller, out var mount) ? Posix.InodeAt(CgroupName.EncodeTerminated(mount + (path == "/" ? "" : path))) : 0;

    /// <summary>
    /// True when a process is in a cpuacct group that cgroup2 does not have it in: then cgroup2 would not tell workloads apart that cpuacct does.
    /// Who is in cpuacct's root is told apart by cgroup2 at least as well.
    /// </summary>
    public bool CpuIsElsewhere()
    {
        foreach (var (unified, v1) in Processes())
        {
            if (v1.TryGetValue("cpuacct", out var group) && group != "/" && group != unified) return true;
        }

        return false;
    }

    /// <summary>A file of a group; null when it is gone or unreadable.</summary>
    public byte[]? Bytes(string controller, string path, string file)
    {
        if (!mounts.V1.TryGetValue(controller, out var mount)) return null;
        try
        {
            return File.ReadAllBytes(mount + (path == "/" ? "" : path) + "/" + file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>For every process the path in the tree that gives CPU (cgroup2, else the hierarchy that is joined by) and the v1 path of each controller. Processes that end meanwhile are left out.</summary>
    public IEnumerable<(string Unified, Dictionary<string, string> V1)> Processes()
    {
        string[] directories;
        try
        {
            directories = Directory.GetDirectories(proc);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No descriptor left: nothing is joined until the next time.
            yield break;
        }

        foreach (var directory in directories)
        {
            var name = Path.GetFileName(directory);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _)) continue;
            string[] lines;
            try
            {
                lines = File.ReadAllLines(Path.Combine(directory, "cgroup"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            var (unified, v1) = Parse(lines);
            if ((joinBy is null ? unified : v1.GetValueOrDefault(joinBy)) is { } path) yield return (path, v1);
        }
    }

    /// <summary>One number of a group's file; null when it is gone or unreadable.</summary>
    public ulong? Number(string controller, string path, string file) =>
        TryReadText(controller, path, file) is { } text && ulong.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>Per device, from <c>blkio.throttle.io_service_bytes</c> and <c>io_serviced</c> (v1 blkio-controller.rst); empty when there was no I/O, null when unreadable.</summary>
    public List<IoReading>? Io(string path)
    {
        var bytes = TryReadText("blkio", path, "blkio.throttle.io_service_bytes");
        var operations = TryReadText("blkio", path, "blkio.throttle.io_serviced");
        if (bytes is null || operations is null) return null;
        var devices = new Dictionary<ulong, IoReading>();
        foreach (var (device, operation, value) in Rows(bytes))
        {
            var row = devices.GetValueOrDefault(device) with { Device = device };
            devices[device] = operation switch { "Read" => row with { ReadBytes = value }, "Write" => row with { WriteBytes = value }, _ => row };
        }

        foreach (var (device, operation, value) in Rows(operations))
        {
            var row = devices.GetValueOrDefault(device) with { Device = device };
            devices[device] = operation switch { "Read" => row with { ReadOperations = value }, "Write" => row with { WriteOperations = value }, _ => row };
        }

        return [.. devices.Values];
    }

    internal static (string? Unified, Dictionary<string, string> V1) Parse(IEnumerable<string> lines)
    {
        // 4:memory:/a/b   0::/a/b — the path may hold colons.
        string? unified = null;
        var v1 = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var parts = line.Split(':', 3);
            if (parts.Length != 3) continue;
            if (parts[0] == "0" && parts[1].Length == 0) unified = parts[2];
            else foreach (var controller in parts[1].Split(',')) v1[controller] = parts[2];
        }

        return (unified, v1);
    }

    private static IEnumerable<(ulong Device, string Operation, ulong Value)> Rows(string text)
    {
        foreach (var line in text.Split('\n'))
        {
            // 8:0 Read 4096
            var words = line.Split(' ');
            if (words.Length != 3) continue;
            var colon = words[0].Split(':');
            if (colon.Length == 2 && uint.TryParse(colon[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) &&
                uint.TryParse(colon[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor) &&
                ulong.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
                yield return (((ulong)major << 32) | minor, words[1], value);
        }
    }

    private string? TryReadText(string controller, string path, string file)
    {
        if (!mounts.V1.TryGetValue(controller, out var mount)) return null;
        try
        {
            return File.ReadAllText(mount + (path == "/" ? "" : path) + "/" + file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
