namespace Metering.Agent.Workloads;

/// <summary>The systemd unit that a path belongs to, where no rule knows better.</summary>
/// <param name="Kind">One of the systemd kinds, user session, or raw where no unit owns the directory.</param>
/// <param name="End">Where the unit's own path ends: directories a unit makes below itself are the unit's.</param>
/// <param name="Whole">False for slices, raw directories and units that hold workloads of others.</param>
internal readonly record struct UnitPath(string Kind, int End, bool Whole)
{
    /// <summary>Reads from the outside in and stops at the first unit that is billed as a whole.</summary>
    /// <param name="isWalked">Tells whether a unit of this name holds workloads of others.</param>
    public static UnitPath Find(string path, Func<string, bool> isWalked)
    {
        var found = new UnitPath(WorkloadKinds.Raw, path.Length, Whole: false);
        var insideUnit = false;
        var insideSession = false;
        for (var start = 1; start <= path.Length;)
        {
            var end = path.IndexOf('/', start);
            if (end < 0) end = path.Length;
            var component = path[start..end];
            var kind = KindOf(component);
            if (kind is null)
            {
                if (!insideUnit) found = new UnitPath(WorkloadKinds.Raw, end, Whole: false);
            }
            else
            {
                insideSession |= UserPath.UidOf(component) is not null;
                insideUnit = kind != WorkloadKinds.SystemdSlice;
                found = new UnitPath(insideSession ? WorkloadKinds.UserSession : kind, end, Whole: insideUnit && !isWalked(component));
                if (found.Whole) return found;
            }

            start = end + 1;
        }

        return found;
    }

    private static string? KindOf(string component) => component.LastIndexOf('.') switch
    {
        <= 0 => null,
        var dot => component.AsSpan(dot) switch
        {
            ".service" => WorkloadKinds.SystemdService,
            ".scope" => WorkloadKinds.SystemdScope,
            ".slice" => WorkloadKinds.SystemdSlice,
            ".mount" => WorkloadKinds.SystemdMount,
            ".socket" => WorkloadKinds.SystemdSocket,
            ".swap" => WorkloadKinds.SystemdSwap,
            _ => null,
        },
    };
}
