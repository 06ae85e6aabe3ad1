using System.Text.Json;

namespace Metering.EndToEnd.Guest;

/// <summary>A row of <c>/v1/usage?groupBy=workload</c>.</summary>
internal sealed record GuestUsage(JsonElement Workload, JsonElement Quantities)
{
    /// <summary>The cgroup path below the cgroup2 root.</summary>
    public string Path => Workload.GetProperty("path").GetString()!;

    public string Host => Workload.GetProperty("host").GetString()!;

    public string Kind => Workload.GetProperty("kind").GetString()!;

    public string Name => Workload.GetProperty("name").GetString()!;
}
