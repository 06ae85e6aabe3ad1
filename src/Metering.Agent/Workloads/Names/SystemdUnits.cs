namespace Metering.Agent.Workloads.Names;

/// <summary>
/// What systemd says of a unit: its description from the unit file, transient ones first, and its invocation (a new one with each start) from the link
/// <c>/run/systemd/units/invocation:UNIT</c> (systemd, src/core/unit.c), both readable by all. The name stays the unit's own, which operators match by.
/// </summary>
internal sealed class SystemdUnits(NameFiles files) : INameSource
{
    private static readonly string[] Directories =
        ["/run/systemd/transient", "/etc/systemd/system", "/run/systemd/generator", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    public bool Handles(Workload workload) => workload.Kind is WorkloadKinds.SystemdService or WorkloadKinds.SystemdScope or WorkloadKinds.SystemdSlice;

    public void Describe(Workload workload, NameFacts facts)
    {
        var unit = workload.Path[(workload.Path.LastIndexOf('/') + 1)..];
        if (unit.Length is 0 or > 255) return;
        if (files.Link($"/run/systemd/units/invocation:{unit}") is { Length: 32 } invocation && invocation.All(char.IsAsciiHexDigitLower)) facts.Fact("unit.invocation", invocation);
        foreach (var directory in Directories)
        {
            if (!files.Exists($"{directory}/{unit}")) continue;
            facts.Fact("unit.description", Description($"{directory}/{unit}"));
            return;
        }
    }

    private string? Description(string path)
    {
        foreach (var line in files.Lines(path, 64 * 1024))
        {
            if (line.StartsWith("Description=", StringComparison.Ordinal)) return line[12..];
        }

        return null;
    }
}
