using System.Xml;
using System.Xml.Linq;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Uuid and title of libvirt's domains, and what OpenStack Nova writes into their metadata, from <c>/run/libvirt/qemu/NAME.xml</c> while they run,
/// else <c>/etc/libvirt/qemu/NAME.xml</c> (libvirt.org/formatdomain.html). Root only.
/// </summary>
internal sealed class LibvirtDomains(NameFiles files) : INameSource
{
    private static readonly XmlReaderSettings Settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = NameFiles.MaxFileBytes };

    public bool Handles(Workload workload) => workload.Kind == WorkloadKinds.Libvirt;

    public void Describe(Workload workload, NameFacts facts)
    {
        var driver = workload.Labels.GetValueOrDefault("driver") ?? "qemu";
        var name = workload.Id[(workload.Id.IndexOf('/') + 1)..];
        if (name.Contains('/')) return;
        foreach (var directory in (string[])["/run/libvirt", "/etc/libvirt"])
        {
            if (files.Text($"{directory}/{driver}/{name}.xml") is not { } text) continue;
            try
            {
                using var reader = XmlReader.Create(new StringReader(text), Settings);
                Tell(XElement.Load(reader), facts);
                return;
            }
            catch (XmlException)
            {
                // Half written; the other directory may have it.
            }
        }
    }

    private static void Tell(XElement root, NameFacts facts)
    {
        // A running domain's file is <domstatus> around <domain>.
        var domain = root.Name.LocalName == "domain" ? root : root.Elements().FirstOrDefault(child => child.Name.LocalName == "domain");
        if (domain is null) return;
        var nova = domain.Elements("metadata").Elements().FirstOrDefault(child => child.Name.LocalName == "instance" && child.Name.NamespaceName.Contains("openstack.org", StringComparison.Ordinal));
        facts.Call(nova?.Elements().FirstOrDefault(child => child.Name.LocalName == "name")?.Value ?? domain.Element("title")?.Value);
        facts.Fact("libvirt.uuid", domain.Element("uuid")?.Value);
        if (nova is null) return;
        facts.Fact("nova.flavor", nova.Elements().FirstOrDefault(child => child.Name.LocalName == "flavor")?.Attribute("name")?.Value);
        foreach (var owner in nova.Elements().Where(child => child.Name.LocalName == "owner").Elements())
        {
            if (owner.Name.LocalName is not ("project" or "user")) continue;
            facts.Fact("nova." + owner.Name.LocalName, owner.Value);
            facts.Fact("nova." + owner.Name.LocalName + ".id", owner.Attribute("uuid")?.Value);
        }
    }
}
