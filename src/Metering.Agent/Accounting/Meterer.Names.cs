using Metering.Agent.Workloads;

namespace Metering.Agent.Accounting;

// Names that came after the cgroup was met.
internal sealed partial class Meterer
{
    private const int MaxNamedLate = 10_000;
    private readonly List<CgroupNode> _namedLate = [];

    private readonly List<(ulong Inode, string Path, Workload Workload)> _nextTenants = [];

    private void ApplyTenants()
    {
        if (_nextTenants.Count == 0) return;
        var waiting = _nextTenants.ToArray();
        _nextTenants.Clear();
        foreach (var (inode, path, workload) in waiting)
        {
            if (!_nodes.TryGetValue(inode, out var node) || node.Path != path) continue;
            node.Describe(workload.Id, workload.Name, workload.Labels);
            Touch(node);
        }
    }

    /// <summary>Ended cgroups whose name came later; told once, without usage.</summary>
    public IReadOnlyList<CgroupNode> NamedLate => _namedLate;

    /// <summary>
    /// Between two passes: the workload of a cgroup has got a name or labels. It is told anew with the next pass, and what is stored of it follows.
    /// With another id the cgroup has passed to another tenant: what was stored stays the former one's, what the next pass finds is the new one's.
    /// </summary>
    public void Describe(ulong inode, string path, Workload workload)
    {
        if (_nodes.TryGetValue(inode, out var node) && node.Path == path)
        {
            if (node.Workload.Id == workload.Id && node.Workload.Name == workload.Name && node.Workload.Labels.SequenceEqual(workload.Labels)) return;
            if (node.Workload.Id != workload.Id && _touched.Count > 0)
            {
                // The last pass is not stored yet: what it found is the former tenant's.
                _nextTenants.Add((inode, path, workload));
                return;
            }

            node.Describe(workload.Id, workload.Name, workload.Labels);
            Touch(node);
            return;
        }

        if (_namedLate.Count >= MaxNamedLate) return;
        var ended = new CgroupNode(inode, path, null, workload) { Gone = true, Announced = true, Renamed = true };
        _namedLate.Add(ended);
    }
}
