using Metering.Agent.Workloads;

namespace Metering.Agent.Accounting;

// Names that came after the cgroup was met.
internal sealed partial class Meterer
{
    private const int MaxNamedLate = 10_000;
    private readonly List<CgroupNode> _namedLate = [];

    /// <summary>Ended cgroups whose name came later; told once, without usage.</summary>
    public IReadOnlyList<CgroupNode> NamedLate => _namedLate;

    /// <summary>Between two passes: the workload of a cgroup has got a name or labels. It is told anew with the next pass, and what is stored of it follows.</summary>
    public void Describe(ulong inode, string path, Workload workload)
    {
        if (_nodes.TryGetValue(inode, out var node) && node.Path == path)
        {
            if (node.Workload.Name == workload.Name && node.Workload.Labels.SequenceEqual(workload.Labels)) return;
            node.Describe(workload.Name, workload.Labels);
            Touch(node);
            return;
        }

        if (_namedLate.Count >= MaxNamedLate) return;
        var ended = new CgroupNode(inode, path, null, workload) { Gone = true, Announced = true, Renamed = true };
        _namedLate.Add(ended);
    }
}
