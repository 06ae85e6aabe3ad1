namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Which run of a systemd unit has the cgroup: the invocation id (sd_id128, 32 hexadecimal digits) that the manager keeps as the target of the link <c>/run/systemd/units/invocation:UNIT</c>
/// (systemd.exec(5), INVOCATION_ID). A restarted unit is the same workload; the label tells the runs apart.
/// </summary>
internal sealed class SystemdUnits(NameFiles files) : INameSource
{
    private const int Digits = 32;

    public bool Handles(Workload workload) => workload.Kind is WorkloadKinds.SystemdService or WorkloadKinds.SystemdScope;

    public void Describe(Workload workload, NameFacts facts)
    {
        var unit = workload.Id[(workload.Id.LastIndexOf('/') + 1)..];
        if (files.Link("/run/systemd/units/invocation:" + unit) is { Length: Digits } id && id.All(char.IsAsciiHexDigitLower)) facts.Fact("systemd.invocation", id);
    }
}
