namespace Metering.Service.Alerts.Routing;

/// <summary>Which alerts an endpoint wants. Within a field one of the values has to match, and every field that is given; a value may hold <c>*</c>. Empty: all alerts.</summary>
public sealed record AlertRoute
{
    public IReadOnlyList<string>? Tenant { get; init; }

    public IReadOnlyList<string>? Severity { get; init; }

    /// <summary>Any label of the alert, such as <c>quota</c>, <c>meter</c>, <c>type</c>, <c>project</c> or one that the quota gives.</summary>
    public IReadOnlyDictionary<string, string>? Label { get; init; }

    public bool Matches(IReadOnlyDictionary<string, string> labels) =>
        OneOf(Tenant, labels, "tenant") && OneOf(Severity, labels, "severity") && (Label is null || Label.All(pair => Pattern.Matches(pair.Value, labels.GetValueOrDefault(pair.Key, ""))));

    private static bool OneOf(IReadOnlyList<string>? wanted, IReadOnlyDictionary<string, string> labels, string name) =>
        wanted is not { Count: > 0 } || wanted.Any(pattern => Pattern.Matches(pattern, labels.GetValueOrDefault(name, "")));
}
