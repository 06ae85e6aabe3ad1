namespace Metering.Agent.Workloads.Names;

/// <summary>Names and tags of Proxmox's guests from <c>/etc/pve/lxc/VMID.conf</c> and <c>/etc/pve/qemu-server/VMID.conf</c> (pct.conf(5), qm.conf(5)); group www-data may read them.</summary>
internal sealed class ProxmoxGuests(NameFiles files) : INameSource
{
    public bool Handles(Workload workload) => workload.Kind == WorkloadKinds.Proxmox;

    public void Describe(Workload workload, NameFacts facts)
    {
        var vmid = workload.Id.Split('/')[0];
        foreach (var (directory, key) in (ReadOnlySpan<(string, string)>)[("lxc", "hostname"), ("qemu-server", "name")])
        {
            foreach (var line in files.Lines($"/etc/pve/{directory}/{vmid}.conf"))
            {
                // Snapshots follow as [sections], with the values of their time.
                if (line.StartsWith('[')) break;
                if (line.Split(':', 2, StringSplitOptions.TrimEntries) is not [var name, var value]) continue;
                if (name == key) facts.Call(value);
                else if (name == "tags") facts.Fact("guest.tags", value);
                else if (name == "ostype") facts.Fact("guest.ostype", value);
            }
        }
    }
}
