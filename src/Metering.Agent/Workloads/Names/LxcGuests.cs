using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// LXC's host name from <c>/var/lib/lxc/NAME/config</c> (lxc.container.conf(5)); name, project and <c>user.*</c> keys of LXD's and Incus' instances from the
/// <c>backup.yaml</c> that they keep beside each (lxd/backup). The cgroup of an instance of another project than the default one is PROJECT_NAME.
/// </summary>
internal sealed class LxcGuests(NameFiles files) : INameSource
{
    private static readonly string[] Stores = ["/var/lib/incus", "/var/lib/lxd", "/var/snap/lxd/common/lxd"];

    public bool Handles(Workload workload) => workload.Kind == WorkloadKinds.Lxc;

    public void Describe(Workload workload, NameFacts facts)
    {
        var name = workload.Labels.GetValueOrDefault("name") ?? workload.Id.Split('/')[0];
        if (name.Contains("..", StringComparison.Ordinal)) return;
        foreach (var line in files.Lines($"/var/lib/lxc/{name}/config"))
        {
            if (line.Split('=', 2, StringSplitOptions.TrimEntries) is ["lxc.uts.name", var host]) facts.Fact("guest.hostname", host);
        }

        foreach (var store in Stores)
        {
            if (files.Text($"{store}/containers/{name}/backup.yaml") is not { } text) continue;
            try
            {
                Tell(text, facts);
            }
            catch (YamlException)
            {
                // Half written, or none of theirs.
            }

            return;
        }
    }

    // container: (or instance:) holds name, project and config; read event by event, so that nothing in it can grow.
    private static void Tell(string text, NameFacts facts)
    {
        var parser = new Parser(new StringReader(text));
        var path = new Stack<string>();
        string? key = null;
        var lists = 0;
        while (parser.MoveNext())
        {
            if (parser.Current is SequenceStart) lists++;
            else if (parser.Current is SequenceEnd && --lists == 0) key = null;
            if (lists > 0) continue;
            switch (parser.Current)
            {
                case MappingStart:
                    if (path.Count > 8) return;
                    path.Push(key ?? "");
                    key = null;
                    break;
                case MappingEnd:
                    path.Pop();
                    key = null;
                    break;
                case Scalar scalar when key is null:
                    key = scalar.Value;
                    break;
                case Scalar scalar:
                    Value(path, key, scalar.Value, facts);
                    key = null;
                    break;
            }
        }
    }

    private static void Value(Stack<string> path, string key, string value, NameFacts facts)
    {
        var place = string.Join('/', path.Reverse().Skip(1));
        if (place is "container" or "instance" && key == "name") facts.Call(value);
        else if (place is "container" or "instance" && key == "project") facts.Fact("guest.project", value);
        else if (place is "container/config" or "instance/config" && key == "image.description") facts.Fact("image", value);
        else if (place is "container/config" or "instance/config" && key.StartsWith("user.", StringComparison.Ordinal)) facts.Label(key[5..], value);
    }
}
