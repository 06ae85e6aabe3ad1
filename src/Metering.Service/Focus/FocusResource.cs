namespace Metering.Service.Focus;

/// <summary>A workload as an export shows it. Texts are fields; name, tags and project are those that held at the time of the charge.</summary>
internal sealed class FocusResource
{
    public static readonly FocusResource None = new();

    public byte[] Id { get; init; } = [];

    public byte[] Type { get; init; } = [];

    /// <summary>Where it runs.</summary>
    public byte[] HostId { get; init; } = [];

    public byte[] HostName { get; init; } = [];

    public byte[] Region { get; init; } = [];

    /// <summary>In the order of their ends; the last one has none.</summary>
    public (long To, byte[] Name, byte[] Tags)[] Versions { get; init; } = [(long.MaxValue, [], [])];

    public (long From, long To, string Project)[] Projects { get; init; } = [];

    public (byte[] Name, byte[] Tags) At(long seconds)
    {
        foreach (var (to, name, tags) in Versions)
        {
            if (seconds < to) return (name, tags);
        }

        return (Versions[^1].Name, Versions[^1].Tags);
    }

    public string ProjectAt(long seconds)
    {
        foreach (var (from, to, project) in Projects)
        {
            if (seconds >= from && seconds < to) return project;
        }

        return "";
    }
}
