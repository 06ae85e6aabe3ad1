namespace Metering.Service.Allocation;

/// <summary>
/// Splits what hosts and overhead cost in one bucket. Host by host: by use of CPU time and memory against what the host has; what is left is idle, and negative where more is reserved than there is.
/// Then idle, overhead and the cost of shared tenants go to others, each as a minus row where it was and plus rows that add up to it. Σ of all rows = what hosts and overhead cost, exactly. Pure.
/// </summary>
internal static class Allocator
{
    public const string Idle = "__idle__", Overhead = "__overhead__";

    // Weights are finer than shares: nobody pays more of a large idle cost because its small share was rounded up.
    private static readonly Int128 Fine = 1_000_000_000;

    private sealed class Sums
    {
        /// <summary>By use, in 10⁻¹⁸ of the currency, never negative; so is the next one.</summary>
        public Dictionary<(string Tenant, long Workload), Int128> OnHost { get; } = [];

        public SortedDictionary<string, Int128> ByUse { get; } = new(StringComparer.Ordinal);

        /// <summary>All rows of a tenant.</summary>
        public Dictionary<string, Int128> All { get; } = new(StringComparer.Ordinal);
    }

    /// <param name="from">The bucket, Unix seconds.</param>
    /// <param name="hosts">The hosts that were metered in it, and what each costs.</param>
    /// <param name="uses">In any order; each workload once.</param>
    public static List<Allocated> Split(AllocationBook.Version version, long from, long to, IEnumerable<(string Host, AllocationBook.Rate Rate)> hosts, IEnumerable<HostUse> uses)
    {
        var rows = new List<Allocated>();
        var sums = new Sums();
        var byHost = uses.OrderBy(use => use.Workload).ToLookup(use => use.Host, StringComparer.Ordinal);
        foreach (var (host, rate) in hosts.OrderBy(one => one.Host, StringComparer.Ordinal)) Host(version, from, to, host, rate, [.. byHost[host]], sums, rows);
        if (version.OverheadPerHour != 0)
        {
            var cost = ExactSplit.Over(version.OverheadPerHour, 1, from, to);
            rows.Add(new Allocated("", Overhead, 0, AllocationPart.Overhead, cost));
            Distribute(version, version.Given.OverheadSplit, "", Overhead, cost, AllocationPart.Overhead, Tenants(sums, _ => true), sums, rows);
        }

        foreach (var shared in sums.All.Keys.Where(version.Shared.Contains).Order(StringComparer.Ordinal).ToList())
            Distribute(version, version.Given.SharedSplit, "", shared, sums.All[shared], AllocationPart.Shared, Tenants(sums, tenant => !version.Shared.Contains(tenant)), sums, rows);
        return rows;
    }

    private static void Host(AllocationBook.Version version, long from, long to, string host, AllocationBook.Rate rate, List<HostUse> uses, Sums sums, List<Allocated> rows)
    {
        var cost = ExactSplit.Over(rate.PerHour, 1, from, to);
        var cpu = ExactSplit.Over(rate.CpuPerHour, AllocationBook.ShareScale, from, to);
        sums.OnHost.Clear();
        foreach (var use in uses) sums.OnHost[(use.Tenant, use.Workload)] = 0;
        var idle = ByUse(AllocationPart.Cpu, cpu, rate.Cores * (to - from), use => use.Cpu) + ByUse(AllocationPart.Memory, cost - cpu, rate.MemoryBytes * (to - from), use => use.Memory);
        if (idle == 0) return;
        rows.Add(new Allocated(host, Idle, 0, AllocationPart.Idle, idle));
        var receivers = version.Given.Idle switch
        {
            "even" => sums.OnHost.Keys.Select(one => one.Tenant).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(tenant => (tenant, 0L, Int128.One)).ToList(),
            _ => [.. sums.OnHost.OrderBy(pair => pair.Key.Workload).Select(pair => (pair.Key.Tenant, pair.Key.Workload, pair.Value))],
        };
        Distribute(version, version.Given.Idle, host, Idle, idle, AllocationPart.Idle, receivers, sums, rows);

        // What is not used of it is returned. Without a capacity all of it goes to what is used.
        Int128 ByUse(AllocationPart part, Int128 whole, Int128 capacity, Func<HostUse, long> used)
        {
            if (capacity == 0) capacity = uses.Aggregate(Int128.Zero, (sum, use) => checked(sum + used(use)));
            if (capacity == 0) return whole;
            Int128 until = 0, before = 0;
            foreach (var use in uses)
            {
                if (used(use) == 0) continue;
                until = checked(until + used(use));
                var cut = ExactSplit.Share(whole, until, capacity);
                rows.Add(new Allocated(host, use.Tenant, use.Workload, part, cut - before, used(use)));
                var weight = ExactSplit.Share(whole * Fine, used(use), capacity);
                sums.OnHost[(use.Tenant, use.Workload)] += weight;
                sums.ByUse[use.Tenant] = sums.ByUse.GetValueOrDefault(use.Tenant) + weight;
                sums.All[use.Tenant] = sums.All.GetValueOrDefault(use.Tenant) + cut - before;
                before = cut;
            }

            return whole - before;
        }
    }

    private static List<(string Tenant, long Workload, Int128 Weight)> Tenants(Sums sums, Func<string, bool> takes) => [.. sums.ByUse.Where(pair => takes(pair.Key)).Select(pair => (pair.Key, 0L, pair.Value))];

    // Nobody to give it to: it stays where it is.
    private static void Distribute(
        AllocationBook.Version version, string? split, string host, string source, Int128 amount, AllocationPart part, List<(string Tenant, long Workload, Int128 Weight)> receivers, Sums sums, List<Allocated> rows)
    {
        if (split == "keep" || amount == 0) return;
        if (split == "weights") receivers = [.. version.Weights.Where(one => one.Tenant != source && (part != AllocationPart.Shared || !version.Shared.Contains(one.Tenant))).Select(one => (one.Tenant, 0L, one.Weight))];
        else if (split == "even") receivers = receivers.ConvertAll(one => (one.Tenant, one.Workload, Int128.One));
        if (receivers.All(one => one.Weight == 0)) return;
        Add(source, 0, -amount, part switch { AllocationPart.Idle => AllocationPart.IdleDistributed, AllocationPart.Overhead => AllocationPart.OverheadDistributed, _ => AllocationPart.SharedDistributed });
        var parts = ExactSplit.Of(amount, receivers.ConvertAll(one => one.Weight));
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i] != 0) Add(receivers[i].Tenant, receivers[i].Workload, parts[i], part);
        }

        void Add(string tenant, long workload, Int128 nano, AllocationPart kind)
        {
            rows.Add(new Allocated(host, tenant, workload, kind, nano));
            sums.All[tenant] = sums.All.GetValueOrDefault(tenant) + nano;
        }
    }
}
