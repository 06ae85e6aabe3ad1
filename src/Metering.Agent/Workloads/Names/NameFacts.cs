namespace Metering.Agent.Workloads.Names;

/// <summary>What the sources know of one workload. Bounded and cleaned here, because tenants choose most of it: names of containers, labels, files in their homes.</summary>
internal sealed class NameFacts(Workload workload, LabelChoice choice)
{
    public const int MaxLabels = 32;
    private const int MaxNameLength = 256, MaxKeyLength = 63, MaxValueLength = 256;

    // What paths tell; a label that a tenant has set must not pass for it.
    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal) { "pod", "container", "user", "overhead", "owner", "job", "sluid", "slot", "qos" };

    // And what we read from files of the system's own.
    private static readonly string[] ReservedPrefixes = ["owner.", "kubernetes.", "condor.", "slurm.", "nova.", "libvirt.", "machine.", "guest.", "runtime.", "nomad.", "unit.", Meters.WorkloadAvailability.LabelPrefix, UserNames.Label];

    private readonly SortedDictionary<string, string> _labels = new(StringComparer.Ordinal);

    public Workload Workload => workload;

    public string? Name { get; private set; }

    /// <summary>Who has the cgroup now, where one cgroup serves one tenant after the other; part of the id.</summary>
    public string? Tenant { get; private set; }

    public IReadOnlyDictionary<string, string> Labels => _labels;

    public bool IsEmpty => Name is null && _labels.Count == 0;

    /// <summary>The name; the first source that knows one wins.</summary>
    public void Call(string? name)
    {
        if (Name is null && Clean(name, MaxNameLength) is { Length: > 0 } clean) Name = clean;
    }

    /// <summary>The cgroup is its tenant's as long as this is said: another one is another workload, and each is billed what was used in its time.</summary>
    public void Hold(string tenant)
    {
        if (Clean(tenant, MaxNameLength) is { Length: > 0 } clean) Tenant = clean;
    }

    /// <summary>A fact that we name ourselves, such as <c>kubernetes.namespace</c>.</summary>
    public void Fact(string key, string? value)
    {
        if (choice.Allows(key)) Add(key, value);
    }

    /// <summary>A label that the runtime was given, under the name it was given.</summary>
    public void Label(string key, string? value)
    {
        if (Reserved.Contains(key) || Array.Exists(ReservedPrefixes, prefix => key.StartsWith(prefix, StringComparison.Ordinal))) return;
        if (choice.Allows(key)) Add(key, value);
    }

    private void Add(string key, string? value)
    {
        if (key.Length is 0 or > MaxKeyLength || !key.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '/')) return;
        if (workload.Labels.ContainsKey(key) || (_labels.Count >= MaxLabels && !_labels.ContainsKey(key))) return;
        if (Clean(value, MaxValueLength) is { Length: > 0 } clean) _labels.TryAdd(key, clean);
    }

    private static string? Clean(string? text, int length)
    {
        if (text is null) return null;
        text = CgroupText.Printable(text.Length <= length ? text : text[..length]).Trim();
        return text.Length <= length ? text : text[..length];
    }
}
