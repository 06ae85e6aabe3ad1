using System.Text.Json;

namespace Metering.Enforcement;

/// <summary>What the service tells an agent to do to one cgroup: the payload of a <c>metering.v1.Command</c>, as UTF-8 JSON.</summary>
/// <param name="Id">The same as the command's.</param>
/// <param name="Host">Whom it is for; an agent takes no other host's.</param>
/// <param name="ExpiresMicroseconds">Unix microseconds, the same as the command's: undone then, unless it was ordered anew.</param>
/// <param name="Action">Name of the interface file.</param>
/// <param name="Path">The cgroup, as usage names it.</param>
/// <param name="Value">In the unit of <see cref="EnforcementAction"/>.</param>
/// <param name="Quota">Whose breach it answers.</param>
/// <param name="Reason">For people, one sentence.</param>
/// <param name="Releases">Id of the order that is taken back; null: this one sets a limit.</param>
/// <param name="DryRun">Check everything and say what would be done.</param>
/// <param name="CrossedBy">Sequence of the agent's last batch that was counted when the quota went over; null: not known.</param>
public sealed record EnforcementOrder(
    string Id, string Host, long ExpiresMicroseconds, string Action, string Path, long Value, string Quota, string Reason, string? Releases = null, bool DryRun = false, long? CrossedBy = null)
{
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, EnforcementJson.Default.EnforcementOrder);

    /// <summary>Null when the bytes are no order.</summary>
    public static EnforcementOrder? From(ReadOnlySpan<byte> payload)
    {
        try
        {
            return JsonSerializer.Deserialize(payload, EnforcementJson.Default.EnforcementOrder) is { Id: not null, Host: not null, Action: not null, Path: not null } order ? order : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
