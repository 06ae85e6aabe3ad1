using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>Whose usage counts: what fulfils every condition given, or all there is. A tenant's quota holds what its projects use.</summary>
public sealed record QuotaSubject
{
    public string? Tenant { get; init; }

    /// <summary>A project of the tenant.</summary>
    public string? Project { get; init; }

    public string? Host { get; init; }

    /// <summary>Path, kind, name and labels, each with <c>*</c> and <c>?</c>.</summary>
    public OwnershipMatch? Workload { get; init; }

    /// <summary>The whole fleet; then there is no other condition.</summary>
    public bool? Fleet { get; init; }

    /// <summary>As labels of an alert: <c>tenant</c>, <c>project</c>, <c>host</c>, <c>workload</c>, or <c>fleet</c> = <c>all</c>.</summary>
    internal IReadOnlyDictionary<string, string> Names()
    {
        var names = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (Tenant is not null) names["tenant"] = Tenant;
        if (Project is not null) names["project"] = Project;
        if (Host is not null) names["host"] = Host;
        if (Workload is { } workload) names["workload"] = string.Join(' ', Conditions(workload));
        if (Fleet == true) names["fleet"] = "all";
        return names;
    }

    private static IEnumerable<string> Conditions(OwnershipMatch workload)
    {
        if (workload.Path is { } path) yield return "path=" + path;
        if (workload.Kind is { } kind) yield return "kind=" + kind;
        if (workload.Name is { } name) yield return "name=" + name;
        if (workload.Host is { } host) yield return "host=" + host;
        if (workload.User is { } user) yield return "user=" + user;
        foreach (var (label, value) in (workload.Label ?? []).OrderBy(pair => pair.Key, StringComparer.Ordinal)) yield return $"label:{label}={value}";
    }
}
