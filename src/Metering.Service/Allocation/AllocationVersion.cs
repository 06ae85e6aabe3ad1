using Metering.Service.Rating;

namespace Metering.Service.Allocation;

/// <summary>What hosts cost while it is valid, and how that is split, as given to <c>PUT /v1/allocation</c>.</summary>
public sealed record AllocationVersion
{
    public DateTimeOffset? ValidFrom { get; init; }

    /// <summary>Left out: until further notice.</summary>
    public DateTimeOffset? ValidTo { get; init; }

    /// <summary>ISO 4217 code of all amounts.</summary>
    public string Currency { get; init => field = value ?? ""; } = "";

    /// <summary>The first that matches a host is its rate; a host that none matches costs nothing.</summary>
    public IReadOnlyList<HostRate> Hosts { get; init => field = value ?? []; } = [];

    /// <summary>Costs of no host, such as power or staff.</summary>
    public IReadOnlyList<OverheadCost> Overhead { get; init => field = value ?? []; } = [];

    /// <summary><c>usage</c> (or left out), <c>reservation</c> or <c>max(usage, reservation)</c>, bucket by bucket.</summary>
    public string? Basis { get; init; }

    /// <summary>Who pays for what nobody used: <c>proportional</c> (or left out), <c>even</c>, <c>weights</c>, or <c>keep</c>: it stays with <c>__idle__</c>.</summary>
    public string? Idle { get; init; }

    /// <summary>Who pays the overhead; values as for idle. Kept, it stays with <c>__overhead__</c>.</summary>
    public string? OverheadSplit { get; init; }

    /// <summary>Tenants whose cost the others pay.</summary>
    public IReadOnlyList<string> Shared { get; init => field = value ?? []; } = [];

    public string? SharedSplit { get; init; }

    /// <summary>By tenant, 0 or more; for splits by weights.</summary>
    public Dictionary<string, decimal>? Weights { get; init; }

    internal long FromSeconds => ValidFrom?.ToUnixTimeSeconds() ?? 0;

    internal long ToSeconds => ValidTo?.ToUnixTimeSeconds() ?? long.MaxValue;

    internal PriceBasis? BasisOrNull => new Price { Basis = Basis }.BasisOrNull;
}
