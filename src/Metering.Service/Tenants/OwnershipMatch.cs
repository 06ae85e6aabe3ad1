namespace Metering.Service.Tenants;

/// <summary>Conditions of a rule; those left out match all. Texts may hold <c>*</c> (any run) and <c>?</c> (one character).</summary>
public sealed record OwnershipMatch
{
    /// <summary>cgroup path below the cgroup2 root, such as <c>/team-a/*</c>.</summary>
    public string? Path { get; init; }

    public string? Kind { get; init; }

    public string? Name { get; init; }

    public Dictionary<string, string>? Label { get; init; }

    public string? Host { get; init; }

    public string? User { get; init; }
}
