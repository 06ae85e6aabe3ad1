namespace Metering.Service.Rating;

/// <summary>What prices may select a workload by, as last reported.</summary>
internal sealed record WorkloadTraits(string Host, string Kind, IReadOnlyDictionary<string, string> Labels, IReadOnlyDictionary<string, string> HostLabels)
{
    private static readonly Dictionary<string, string> None = [];

    public static readonly WorkloadTraits Unknown = new("", "", None, None);

    public string? Find(string name) => name switch
    {
        "host" => Host,
        "kind" => Kind,
        _ when name.StartsWith("label:", StringComparison.Ordinal) => Labels.GetValueOrDefault(name[6..]),
        _ => HostLabels.GetValueOrDefault(name[10..]),
    };
}
