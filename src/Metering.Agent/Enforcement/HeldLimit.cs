using System.Text.Json.Serialization;

namespace Metering.Agent.Enforcement;

/// <summary>A limit that was set here and is to be undone. Stored before the kernel is told.</summary>
internal sealed record HeldLimit
{
    /// <summary>Of the order that is in force.</summary>
    public required string Id { get; init; }

    public required string Path { get; init; }

    /// <summary>The instance: whoever lives at the path later is not touched.</summary>
    public required ulong Inode { get; init; }

    /// <summary>Name of the interface file.</summary>
    public required string File { get; init; }

    /// <summary>What brings back what was there before, one write each.</summary>
    public required string[] Former { get; init; }

    /// <summary>What was written, one write each; whatever else is found there later is somebody else's and stays.</summary>
    public required string[] Written { get; init; }

    public required long Value { get; init; }

    public required long ExpiresMicroseconds { get; init; }

    public required string Quota { get; init; }

    public required string Reason { get; init; }

    /// <summary>Sequence of the batch that was the last one counted when the quota went over, and of the last one that was made when the command came; null: not known.</summary>
    public long? CrossedBy { get; init; }

    public long? SetAfter { get; init; }

    /// <summary>Why it is not in force, or can not be undone; null when all is well.</summary>
    [JsonIgnore]
    public string? Trouble { get; init; }
}
