using System.Data.Common;
using System.Globalization;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Reports;

/// <summary>
/// Finds in memory what a row of usage is grouped by, and whether the filters let it pass: the same as <see cref="Dimension.Sql"/> says, without a join for each row. What it knows of a
/// workload is kept until its owner or its labels become others.
/// </summary>
internal sealed class FacetIndex
{
    private sealed record Version(long Until, string Name, string Labels);

    private sealed record Workload(long Id, WorkloadKey Key, Version[] Versions);

    private readonly record struct Known(OwnedInterval Owner, long Until, Facet? Facet);

    private readonly UsageQuery _query;
    private readonly Dictionary<long, Workload> _workloads = [];
    private readonly Dictionary<long, Known> _known = [];
    private readonly Dictionary<string, Facet> _facets = new(StringComparer.Ordinal);

    private FacetIndex(UsageQuery query) => _query = query;

    /// <summary>True when groups and filters ask for nothing but the tenant.</summary>
    public static bool AsksOnlyTenants(UsageQuery query) => query.GroupBy.All(dimension => dimension.Name == "tenant") && query.Filters.All(filter => filter.Dimension.Name == "tenant");

    public static async Task<FacetIndex> LoadAsync(DbConnection connection, UsageQuery query, CancellationToken cancel)
    {
        var index = new FacetIndex(query);
        if (query.GroupBy.Concat(query.Filters.Select(filter => filter.Dimension)).All(dimension => dimension.Name is "tenant" or "project")) return index;
        var former = new Dictionary<long, List<Version>>();
        if (query.GroupBy.Concat(query.Filters.Select(filter => filter.Dimension)).Any(dimension => dimension.NeedsVersion))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT workload, valid_to, name, labels FROM workload_version ORDER BY workload, valid_from";
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                if (!former.TryGetValue(rows.GetInt64(0), out var list)) former[rows.GetInt64(0)] = list = [];
                list.Add(new Version(rows.GetInt64(1), rows.GetString(2), rows.GetString(3)));
            }
        }

        await using var workloads = connection.CreateCommand();
        workloads.CommandText = "SELECT id, key, kind, name, path, host, labels FROM workload";
        await using var reader = await workloads.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var id = reader.GetInt64(0);
            var key = new WorkloadKey(reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5));
            index._workloads[id] = new Workload(id, key, [.. former.GetValueOrDefault(id) ?? [], new Version(long.MaxValue, key.Name, reader.GetString(6))]);
        }

        return index;
    }

    /// <summary>The group of a workload's usage in a bucket; null: it is not shown.</summary>
    public Facet? Find(long workload, long bucket, OwnedInterval owner)
    {
        if (_known.TryGetValue(workload, out var known) && ReferenceEquals(known.Owner, owner) && bucket < known.Until) return known.Facet;
        var entry = _workloads.GetValueOrDefault(workload);
        var version = entry?.Versions.First(one => bucket < one.Until);
        var labels = version is null || !Needs("label:") ? [] : TraitsReader.Labels(version.Labels);
        var shown = _query.Filters.All(filter => Fits(filter.Dimension.Name, filter.Value));
        var facet = shown ? Of(_query.GroupBy.ToDictionary(dimension => dimension.Name, dimension => dimension.Name == "workload" ? (object?)entry?.Key ?? "" : Value(dimension.Name), StringComparer.Ordinal)) : null;
        _known[workload] = new Known(owner, version?.Until ?? long.MaxValue, facet);
        return facet;

        bool Fits(string name, string value) => name == "workload"
            ? entry is not null && (entry.Key.Id == value || (long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id == entry.Id))
            : Matches(value, Value(name));
        string Value(string name) => name switch
        {
            "tenant" => owner.Tenant,
            "project" => owner.Project,
            "host" => entry?.Key.Host ?? "",
            "kind" => entry?.Key.Kind ?? "",
            "name" => version?.Name ?? "",
            "path" => entry?.Key.Path ?? "",
            _ => labels.GetValueOrDefault(name[6..]) ?? "",
        };
    }

    /// <summary>One object for each combination of values.</summary>
    public Facet Of(IReadOnlyDictionary<string, object> key)
    {
        var made = new Facet(key);
        return _facets.TryGetValue(made.Order, out var known) ? known : _facets[made.Order] = made;
    }

    /// <summary>True when a value is the one of a filter, which may end in <c>*</c>.</summary>
    public static bool Matches(string filter, string value) => filter.EndsWith('*') ? value.StartsWith(filter[..^1], StringComparison.Ordinal) : value == filter;

    private bool Needs(string prefix) => _query.GroupBy.Concat(_query.Filters.Select(filter => filter.Dimension)).Any(dimension => dimension.Name.StartsWith(prefix, StringComparison.Ordinal));
}
