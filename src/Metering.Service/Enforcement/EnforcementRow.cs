namespace Metering.Service.Enforcement;

/// <summary>One cgroup of one host, limited because of one quota. As <c>GET /v1/enforcement</c> answers it.</summary>
/// <param name="Value">In thousandths of a processor, bytes, or bytes per second; 1 for a freeze.</param>
/// <param name="ReleasedAt">Null while it holds.</param>
public sealed record EnforcementRow(
    string Id, string Quota, string Host, string Path, string Action, long Value, bool DryRun, string Reason, DateTimeOffset BeganAt, DateTimeOffset? ReleasedAt, string? ReleasedWhy)
{
    /// <summary>Sequence of the host's last batch that was counted when the quota went over; null: not known. The agent's log has the same number.</summary>
    public long? CrossedBy { get; init; }
}
