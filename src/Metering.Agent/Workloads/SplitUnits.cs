using Metering.Agent.Workloads.Names;

namespace Metering.Agent.Workloads;

/// <summary>
/// With <c>podman run --cgroups=split</c> (quadlet) the container is its systemd service: ids change at every start and the unit stays, so the unit is what is billed.
/// Its path looks like any service's, and whether it is one must be known before its first use is billed, when there is no payload in it yet: the unit's file says so.
/// </summary>
/// <param name="root">What stands before every path; empty for the machine itself.</param>
internal sealed class SplitUnits(Func<string, Workload> recognise, string root = "")
{
    private const string Suffix = ".service", Split = "--cgroups=split";
    private const int MaxUnitFileBytes = 64 * 1024;

    // systemd.unit(5), unit file load path, as far as such units are made there.
    private static readonly string[] OfTheSystem = ["/run/systemd/generator", "/run/systemd/transient", "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];
    private static readonly string[] OfUsers = ["/run/user/{0}/systemd/generator", "/run/user/{0}/systemd/transient", "/etc/systemd/user", "/usr/lib/systemd/user"];

    private readonly NameFiles _files = new(root);

    /// <summary>Whose the cgroup at a path is; a service that is a split container is one of kind podman, under the id that its payload's path gives.</summary>
    public Workload Recognise(string path)
    {
        var workload = recognise(path);
        return workload.Kind is WorkloadKinds.SystemdService or WorkloadKinds.UserSession && workload.Whole && path.EndsWith(Suffix, StringComparison.Ordinal) && IsSplit(workload)
            ? workload with { Kind = WorkloadKinds.Podman }
            : workload;
    }

    private bool IsSplit(Workload workload)
    {
        var unit = workload.Path[(workload.Path.LastIndexOf('/') + 1)..];
        foreach (var directory in workload.User is null ? OfTheSystem : OfUsers)
        {
            var at = workload.User is { } user ? directory.Replace("{0}", user, StringComparison.Ordinal) : directory;
            if (_files.Text($"{at}/{unit}", MaxUnitFileBytes) is { } own) return own.Contains(Split, StringComparison.Ordinal);
            if (unit.IndexOf('@') is > 0 and var instance && _files.Text($"{at}/{unit[..(instance + 1)]}{Suffix}", MaxUnitFileBytes) is { } template) return template.Contains(Split, StringComparison.Ordinal);
        }

        return false;
    }
}
