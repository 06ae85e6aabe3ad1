using System.Globalization;
using Metering.Agent;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Meters;
using Metering.Safety;

namespace Metering.Cli.Doctor;

/// <summary>What this host's kernel gives, and what this user may read of it.</summary>
/// <param name="actions">What the service may do here, by the names of the interface files; empty: nothing.</param>
internal sealed class HostChecks(string? cgroupRoot, IReadOnlyList<string> actions)
{
    private const int LookAt = 200;
    private static readonly string[] V1Controllers = ["blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "net_cls", "net_prio", "perf_event", "pids", "rdma"];

    private CgroupMounts? _mounts;
    private string? _root;
    private bool _v1;
    private int _cgroups;

    /// <summary>Looks at the host; the meters are filled in when there is a tree.</summary>
    public IEnumerable<Check> Run(List<MeterCheck> meters)
    {
        yield return FindTree();
        if (_root is null) yield break;
        yield return Hierarchies();
        yield return Root();
        yield return Controllers();
        yield return Readable();
        meters.AddRange(Meters());
        yield return Inotify();
        yield return OpenFiles();
        foreach (var check in Privileges()) yield return check;
        if (actions.Count == 0) yield break;
        yield return EnforcementCheck.OfFiles(_root, actions);
        if (EnforcementCheck.OfProfile(actions) is { } profile) yield return profile;
    }

    private Check FindTree()
    {
        const string Name = "cgroup tree";
        try
        {
            _mounts = MeteringAgent.HostMounts();
        }
        catch (UserErrorException e) when (cgroupRoot is null)
        {
            var parts = e.Message.Split(';', 2);
            return Check.Failure(Name, parts[0], parts.Length > 1 ? parts[1].Trim().TrimEnd('.') : "mount a cgroup2 file system");
        }
        catch (UserErrorException)
        {
            // Told where to look.
        }

        var root = cgroupRoot ?? _mounts!.Unified;
        var known = _mounts is null ? "" : $" (this host's is {_mounts.Unified})";
        if (!Directory.Exists(root)) return Check.Failure(Name, $"there is no directory '{root}'", $"give the mount point of a cgroup2 tree with --cgroup-root, or leave it out{known}");
        if (!KernelTree.IsTree(root)) return Check.Failure(Name, $"'{root}' has neither cgroup.controllers (cgroup2) nor cpuacct.usage (v1), so that no CPU time can be read there", $"give the mount point of a cgroup2 tree with --cgroup-root, or leave it out{known}");
        _root = root;
        using var tree = new KernelTree(root);
        _v1 = tree.CpuIsNanoseconds;
        return Check.Ok(Name, root + (_v1 ? ", v1 cpuacct" : ", cgroup2") + (cgroupRoot is null ? "" : " (as told)"));
    }

    private Check Hierarchies()
    {
        var v1 = _mounts is null ? [] : _mounts.V1.Keys.Intersect(V1Controllers).Order().ToArray();
        const string Remedy = "boot with systemd.unified_cgroup_hierarchy=1 for exact ones";
        if (_v1) return Check.Warning("hierarchies", $"CPU is metered in v1: {(_mounts is { CpuIsV1: true, HasUnified: true } ? "cgroup2 is mounted, but does not hold the workloads" : "there is no cgroup2 here")}; v1 has {List(v1)}", "all meters are best-effort; " + Remedy);
        if (v1.Length == 0) return Check.Ok("hierarchies", "cgroup v2 only");
        return _mounts!.IsHybrid
            ? Check.Warning("hierarchies", $"hybrid: CPU is metered in cgroup2, v1 has {List(v1)}", "what v1 has is best-effort; " + Remedy)
            : Check.Ok("hierarchies", $"v2, beside v1 {List(v1)} without a meter in it");
    }

    private Check Root()
    {
        using var tree = new KernelTree(_root!);
        return tree.RootIsMachine
            ? Check.Ok("root", "the whole machine")
            : Check.Warning("root", "a subtree or a container's private root: only what is below it is metered", "to meter the host, pass its tree in (--cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:ro)");
    }

    private Check Controllers()
    {
        if (_v1) return Check.Ok("controllers", "v1, each in a hierarchy of its own");
        var here = Words("cgroup.controllers");
        var below = Words("cgroup.subtree_control");
        var missing = new[] { "cpu", "memory", "io", "pids" }.Except(here).ToArray();
        var off = here.Intersect(["memory", "io", "pids"]).Except(below).ToArray();
        var finding = $"available {List(here)}; enabled below the root {List(below)}";
        if (off.Length > 0) return Check.Warning("controllers", finding, $"enable {List(off)}: echo '{string.Join(' ', off.Select(name => "+" + name))}' > {_root}/cgroup.subtree_control");
        return missing.Length == 0 ? Check.Ok("controllers", finding)
            : Check.Warning("controllers", finding, _mounts is { IsHybrid: true } ? "the v1 hierarchies hold the others" : $"the kernel or the container gives no {List(missing)}");
    }

    // CPU time is in cpu.stat whether or not the controller is enabled.
    private Check Readable()
    {
        const string Remedy = "run as root, or as a user who may read the cgroup tree";
        var name = _v1 ? "cpuacct.usage" : "cpu.stat";
        var (read, refused) = (0, 0);
        try
        {
            foreach (var directory in Directory.EnumerateDirectories(_root!, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint }))
            {
                _cgroups++;
                if (_cgroups > LookAt) continue;
                try
                {
                    using var file = File.OpenRead($"{directory}/{name}");
                    if (file.ReadByte() < 0) refused++;
                    else read++;
                }
                catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || (e is IOException && !Directory.Exists(directory)))
                {
                    // Ended just now.
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    refused++;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Check.Failure("permission", $"{_root} can not be read: {e.Message}", Remedy);
        }

        if (refused > 0) return Check.Failure("permission", $"{name} of {refused} of {read + refused} cgroups can not be read; their use is billed to their parents", Remedy);
        if (_cgroups == 0) return Check.Ok("permission", "there is no cgroup below the root yet");
        return Check.Ok("permission", $"{_cgroups} cgroups, {name} readable{(_cgroups > LookAt ? $" in the {read} that were tried" : "")}");
    }

    // Usage needs no privilege; what else there is does.
    private IEnumerable<Check> Privileges()
    {
        if (Capability.Effective() is not { } set) yield break;
        foreach (var capability in Capability.All) yield return capability.Judge(set, Capability.NiceLimit(), actions.Count > 0);
    }

    private IEnumerable<MeterCheck> Meters()
    {
        using var tree = new KernelTree(_root!);
        var options = new PassOptions(KeptDescriptors: 16);
        var counters = new PassCounters();
        var source = MeterSources.For(tree, MeterSources.MountsOf(tree), options, counters);
        var meterer = new Meterer(tree, new Agent.Workloads.WorkloadRecogniser().Recognise, options, source, counters, new NetworkMeter(tree, counters), Posix.BootMicroseconds) { Bypassed = new BypassedIo() };
        meterer.Run(1);
        var found = new Dictionary<string, string>(source.Availability) { ["network"] = meterer.NetworkAvailability };
        if (found.TryGetValue("io", out var io)) found["io"] = meterer.IoAvailability(io);

        // What the kernel has shows in a cgroup.
        foreach (var name in found.Keys.Where(name => _cgroups == 0 && found[name].StartsWith("unavailable", StringComparison.Ordinal)).ToArray()) found[name] = "unavailable: there is no cgroup yet in which it could be read";
        meterer.CloseAll();
        foreach (var family in Enum.GetValues<MeterFamily>())
        {
            var name = family.ToString().ToLowerInvariant();
            yield return found.Remove(name, out var text) ? MeterCheck.Parse(name, text)
                : family == MeterFamily.Cpu && tree.CpuIsNanoseconds ? new MeterCheck(name, "best-effort", "v1 cpuacct.usage")
                : family == MeterFamily.Cpu ? new MeterCheck(name, "exact", "cpu.stat usage_usec")
                : new MeterCheck(name, "unavailable", "this version does not read it");
        }

        // Meters that are not as their family is.
        foreach (var (name, text) in found.OrderBy(entry => entry.Key, StringComparer.Ordinal)) yield return MeterCheck.Parse(name, text);
    }

    private Check Inotify()
    {
        var watches = Number("/proc/sys/fs/inotify/max_user_watches");
        var instances = Number("/proc/sys/fs/inotify/max_user_instances");
        var finding = $"{watches} watches, {instances} instances; {_cgroups} cgroups now";
        if (instances is < 8 || watches < 2L * _cgroups + 1000)
            return Check.Warning("inotify", finding, $"without a watch a cgroup is listed at every pass; sysctl fs.inotify.max_user_watches={Math.Max(65_536, 4 * _cgroups)} fs.inotify.max_user_instances=128");
        return Check.Ok("inotify", finding);
    }

    private Check OpenFiles()
    {
        // Of this shell; a unit or a container has its own.
        var soft = DescriptorBudget.Limit();
        return soft is { } limit && limit < _cgroups + 2L * DescriptorBudget.Service
            ? Check.Warning("open files", $"{limit} for {_cgroups} cgroups", $"files are then opened for each reading, which costs more; ulimit -n {Math.Max(65_536, 4 * _cgroups)} (LimitNOFILE= in systemd)")
            : Check.Ok("open files", $"{soft?.ToString(CultureInfo.InvariantCulture) ?? "unlimited"} for {_cgroups} cgroups");
    }

    private string[] Words(string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(_root!, file)).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string List(string[] words) => words.Length == 0 ? "none" : string.Join(", ", words);

    private static long Number(string file)
    {
        try
        {
            return long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
