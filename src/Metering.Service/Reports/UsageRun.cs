using System.Runtime.InteropServices;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>A usage report under way: takes parts and rows in the order of time.</summary>
internal sealed class UsageRun(UsageQuery query, OwnerIndex owners, FacetIndex facets)
{
    private readonly Dictionary<(int Step, Facet Facet), UsageGroup> _groups = [];
    private int _step;

    /// <summary>True when the steps are long enough for parts to lie within them; by the query alone, so that all pages of an answer are in one order.</summary>
    public static bool Suits(UsageQuery query) => (query.ToSeconds - query.FromSeconds) / query.Steps.Count >= RollupPart.Window;

    /// <summary>A row of usage.</summary>
    public void Add(long bucket, long workload, long estimated, ReadOnlySpan<long> values, int known)
    {
        if (Find(bucket, bucket, workload) is not { } group) return;
        (group.Estimated, group.Unscraped) = (group.Estimated + estimated, group.Unscraped + values[UsageStream.Unscraped]);
        for (var i = 0; i < query.Meters.Count; i++)
        {
            var meter = query.Meters[i].Index;
            if ((known >> meter & 1) != 0) group.Add(i, values[meter]);
        }
    }

    /// <summary>True when none of the parts lies on both sides of a bound of the report or of a step.</summary>
    public bool MayAdd(List<RollupPart> parts) => parts.TrueForAll(part => part.From >= query.FromSeconds && part.To <= query.ToSeconds && query.Steps[StepOf(part.From)].Stop >= part.To);

    public void Add(RollupPart part)
    {
        if (query.Caller.Tenant is { } mine && mine != part.Tenant) return;
        var used = new PartUsage(part.Used);
        var bytes = used.Bytes;
        var (workloads, since, estimated, unscraped) = (used.Column(PartUsage.Workloads), used.Column(PartUsage.Since), used.Column(PartUsage.Estimated), used.Column(PartUsage.Unscraped));
        Span<int> columns = stackalloc int[query.Meters.Count];
        for (var i = 0; i < columns.Length; i++) columns[i] = used.Column(query.Meters[i].Column);
        var workload = 0L;
        for (var entry = 0; entry < used.Entries; entry++)
        {
            workload += PackedNumbers.Read(bytes, ref workloads);
            var group = Find(part.From, part.From + PackedNumbers.Read(bytes, ref since) * PartCharges.Unit, workload);
            var (split, missed) = (PackedNumbers.Read(bytes, ref estimated), PackedNumbers.Read(bytes, ref unscraped));
            if (group is not null) (group.Estimated, group.Unscraped) = (group.Estimated + split, group.Unscraped + missed);
            for (var i = 0; i < columns.Length; i++)
            {
                if (columns[i] < 0) continue;
                var value = PackedNumbers.ReadWide(bytes, ref columns[i]);
                if (value > 0) group?.Add(i, (Int128)(value - 1));
            }
        }
    }

    /// <summary>The rows, in the order of steps and of what they are grouped by.</summary>
    public IEnumerable<UsageGroup> Groups()
    {
        var groups = _groups.Values.ToList();
        groups.Sort((a, b) =>
        {
            var order = a.Start.CompareTo(b.Start);
            for (var i = 0; i < query.GroupBy.Count && order == 0; i++)
            {
                var name = query.GroupBy[i].Name;
                order = name == "workload" ? a.Workload.CompareTo(b.Workload) : string.CompareOrdinal((string)a.Facet.Key[name], (string)b.Facet.Key[name]);
            }

            return order;
        });
        return groups;
    }

    // Null when it is not shown.
    private UsageGroup? Find(long at, long bucket, long workload)
    {
        var owner = owners.At(workload, bucket);
        if (query.Caller.Tenant is { } mine && mine != owner.Tenant) return null;
        if (facets.Find(workload, bucket, owner) is not { } facet) return null;
        while (_step < query.Steps.Count - 1 && at >= query.Steps[_step].Stop) _step++;
        ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(_groups, (_step, facet), out _);
        return group ??= new UsageGroup(query.Steps[_step].Start, query.Steps[_step].Stop, facet, workload, query.Meters);
    }

    private int StepOf(long at)
    {
        var (low, high) = (0, query.Steps.Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (query.Steps[middle].Stop > at) high = middle;
            else low = middle + 1;
        }

        return low;
    }
}
