namespace Metering.Agent.Workloads.Names;

/// <summary>What systemd-machined knows of a machine: <c>/run/systemd/machines/NAME</c>, lines KEY=VALUE (systemd, src/machine/machine.c), readable by all.</summary>
internal sealed class Machines : INameSource
{
    private const string Directory = "/run/systemd/machines";
    private readonly FileIndex<Dictionary<string, Dictionary<string, string>>> _byUnit;

    public Machines(NameFiles files) => _byUnit = new(files, [Directory], () => Read(files));

    public bool Handles(Workload workload) => workload.Kind is WorkloadKinds.SystemdNspawn or WorkloadKinds.Libvirt or WorkloadKinds.Rkt;

    public void Describe(Workload workload, NameFacts facts)
    {
        foreach (var component in workload.Path.Split('/'))
        {
            if (!_byUnit.Value.TryGetValue(component, out var machine)) continue;

            // libvirt registers a shortened, numbered name; the domain's own is better.
            if (workload.Kind != WorkloadKinds.Libvirt) facts.Call(machine["name"]);
            facts.Fact("machine.class", machine.GetValueOrDefault("CLASS"));
            facts.Fact("machine.service", machine.GetValueOrDefault("SERVICE"));
            return;
        }
    }

    private static Dictionary<string, Dictionary<string, string>> Read(NameFiles files)
    {
        var byUnit = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        foreach (var name in files.Names(Directory))
        {
            // Links "unit:UNIT" lead back to the machines.
            if (name.StartsWith("unit:", StringComparison.Ordinal)) continue;
            var machine = new Dictionary<string, string>(StringComparer.Ordinal) { ["name"] = name };
            foreach (var line in files.Lines($"{Directory}/{name}"))
            {
                if (line.Split('=', 2) is [var key, var value]) machine[key] = value.Trim('"');
            }

            if (machine.TryGetValue("SCOPE", out var unit) || machine.TryGetValue("UNIT", out unit)) byUnit[unit.Replace("\\\\", "\\")] = machine;
        }

        return byUnit;
    }
}
