using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>A cost report under way: takes usage and sums in the order of time, and gives out the rows of each step when its end is reached.</summary>
internal sealed class CostRun(UsageQuery query, PriceCatalogue prices, LedgerGrain grain, TraitsHistory? traits, OwnerIndex owners, FacetIndex facets)
{
    private readonly Rater _rater = new(prices, traits);
    private readonly Dictionary<string, bool> _wanted = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, Dictionary<(Facet, string?), CostGroup>> _steps = [];
    private readonly List<Charge> _charges = [];
    private int _step;
    private int _given;

    /// <summary>What of a row of usage it needs.</summary>
    public IReadOnlyList<Meter> Meters { get; } = [.. prices.Meters, .. query.With.HasFlag(CostExtras.Idle) ? RollupCell.Idle.SelectMany(pair => new[] { pair.Used, pair.Reserved }) : []];

    /// <summary>A row of usage.</summary>
    public void Add(long bucket, long workload, long estimated, ReadOnlySpan<long> values, int known)
    {
        var owner = owners.At(workload, bucket);
        if (!Wanted(owner.Tenant)) return;

        // Every row of a tenant takes part in its cumulative quantity; the filters only decide which are shown.
        var rater = _rater.For(owner.Tenant);
        _charges.Clear();
        rater.Rate(bucket, grain.LengthAt(bucket), workload, values, known, _charges);
        if (bucket < query.FromSeconds || bucket >= query.ToSeconds || facets.Find(workload, bucket, owner) is not { } facet) return;
        var group = Show(bucket, facet, rater.Currency);
        if (!query.With.HasFlag(CostExtras.Idle)) return;
        foreach (var (used, reserved) in RollupCell.Idle)
        {
            if ((known >> used.Index & 1) != 0 && (known >> reserved.Index & 1) != 0) group.AddIdle(used, values[used.Index], values[reserved.Index]);
        }
    }

    /// <summary>Takes a day's sums instead of its rows; false, with nothing done, when one of them lies on both sides of a bound of the report.</summary>
    /// <param name="until">Up to where the day is added up.</param>
    public bool TryAdd(List<RollupCell> cells, long until)
    {
        // Beyond the range nothing is asked for, so that a sum which ends there is of use only when it begins there.
        foreach (var cell in cells)
        {
            if (Wanted(cell.Tenant) && Cuts(cell.From, cell.To)) return false;
        }

        if (until > query.ToSeconds && cells.Exists(cell => cell.From < query.ToSeconds && cell.To > query.ToSeconds)) return false;
        foreach (var cell in cells)
        {
            if (!Wanted(cell.Tenant) || cell.From >= query.ToSeconds) continue;
            var rater = _rater.For(cell.Tenant);
            rater.Enter(cell.From);
            _charges.Clear();
            if (cell.Book.Length > 0) rater.AddSum(cell.From, cell.Book, cell.Version, cell.Sku, cell.Base, _charges);
            if (cell.From < query.FromSeconds) continue;
            var group = Show(cell.From, facets.Of(query.GroupBy.ToDictionary(dimension => dimension.Name, _ => (object)cell.Tenant, StringComparer.Ordinal)), rater.Currency);
            if (cell.IsOf(RollupCell.Used, out var used)) group.AddIdle(used, cell.Base, 0);
            else if (cell.IsOf(RollupCell.Reserved, out var reserved)) group.AddIdle(reserved, 0, cell.Base);
        }

        return true;
    }

    /// <summary>True when the parts of a window can stand for its rows, as far as its bounds tell.</summary>
    public bool MayAdd(List<RollupPart> parts) => parts.TrueForAll(part => !Wanted(part.Tenant) || (!Cuts(part.From, part.To) && (part.To <= query.FromSeconds || !query.With.HasFlag(CostExtras.Idle))));

    /// <summary>Takes a window's parts instead of its rows; false, with nothing done, when they were charged after other usage than there is now. All before the window has been taken.</summary>
    public bool TryAdd(List<RollupPart> parts)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in parts)
        {
            // One after the other, they were made at once: the first tells for all.
            if (!Wanted(part.Tenant) || !seen.Add(part.Tenant)) continue;
            var rater = _rater.For(part.Tenant);
            rater.Enter(part.From);
            if (rater.State() != part.State) return false;
        }

        foreach (var part in parts)
        {
            if (Wanted(part.Tenant) && part.From < query.ToSeconds) Add(part);
        }

        return true;
    }

    private void Add(RollupPart part)
    {
        var rater = _rater.For(part.Tenant);
        rater.Enter(part.From);
        var lines = new (PriceLine Line, int Tier)[part.Lines.Count];
        for (var i = 0; i < lines.Length; i++)
        {
            var stored = part.Lines[i];
            lines[i] = (prices.Book(stored.Book).First(validity => validity.Version == stored.Version).Lines.First(line => line.Sku == stored.Sku), stored.Tier);
            if (i == Array.FindIndex(lines, one => one.Line == lines[i].Line)) rater.AddSum(part.From, stored.Book, stored.Version, stored.Sku, stored.Base, _charges);
        }

        _charges.Clear();
        if (part.From < query.FromSeconds) return;
        var entries = new PartCharges(part);
        Step(part.From);
        while (entries.Next())
        {
            var group = facets.Find(entries.Workload, entries.Since, owners.At(entries.Workload, entries.Since)) is { } facet ? Find(_step, facet, rater.Currency) : null;
            while (entries.NextCharge(out var line, out var nano)) group?.Add(lines[line].Line, lines[line].Tier, nano);
        }
    }

    /// <summary>The rows of the steps that end at or before an instant and were not given out yet, in order.</summary>
    public IEnumerable<CostGroup> Take(long until)
    {
        for (; _given < query.Steps.Count && query.Steps[_given].Stop <= until; _given++)
        {
            Monthly(_given);
            if (!_steps.Remove(_given, out var groups)) continue;
            foreach (var group in groups.Values.OrderBy(group => group.Facet.Order, StringComparer.Ordinal).ThenBy(group => group.Currency, StringComparer.Ordinal)) yield return group;
        }
    }

    private CostGroup Show(long bucket, Facet facet, string? currency)
    {
        Step(bucket);
        var group = Find(_step, facet, currency);
        foreach (ref readonly var charge in CollectionsMarshal.AsSpan(_charges)) group.Add(charge);
        return group;
    }

    private void Step(long bucket)
    {
        while (_step < query.Steps.Count - 1 && bucket >= query.Steps[_step].Stop) _step++;
    }

    private CostGroup Find(int step, Facet facet, string? currency)
    {
        if (!_steps.TryGetValue(step, out var groups)) _steps[step] = groups = [];
        ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(groups, (facet, currency), out _);
        return group ??= new CostGroup(query.Steps[step].Start, query.Steps[step].Stop, currency, facet);
    }

    // Prices per month are the tenant's: they belong to no workload, host or project, so any filter on those leaves them out.
    private void Monthly(int step)
    {
        if (query.Filters.Any(filter => filter.Dimension.Name != "tenant")) return;
        foreach (var tenant in prices.Tenants.Keys.Where(Wanted))
        {
            if (!prices.BooksOf(tenant).SelectMany(prices.Book).Any(validity => validity.Lines.Any(line => line.Unit == PricingUnit.Months))) continue;
            var facet = facets.Of(query.GroupBy.ToDictionary(dimension => dimension.Name, dimension => dimension.Name switch
            {
                "tenant" => tenant,
                "workload" => (object)new WorkloadKey("", "flat", "Price per month", "", ""),
                _ => "",
            }, StringComparer.Ordinal));
            foreach (var (_, _, _, _, charge) in _rater.For(tenant).Monthly(query.Steps[step].Start, query.Steps[step].Stop)) Find(step, facet, charge.Line.Currency).Add(charge);
        }
    }

    private bool Wanted(string tenant)
    {
        if (_wanted.TryGetValue(tenant, out var known)) return known;
        return _wanted[tenant] = CostReport.Wanted(query, tenant);
    }

    // A day has a handful of steps at most that begin within it, unless they are hours: then it is read row by row.
    private bool Cuts(long from, long to)
    {
        if (from < query.FromSeconds) return to > query.FromSeconds;
        var (low, high) = (0, query.Steps.Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (query.Steps[middle].Stop > from) high = middle;
            else low = middle + 1;
        }

        return query.Steps[low].Stop < to && from < query.ToSeconds;
    }
}
