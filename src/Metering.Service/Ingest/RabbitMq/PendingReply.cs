using Metering.Messages;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>What one agent (login and epoch) is to be told next, and where it listens now.</summary>
internal readonly record struct PendingReply(string ReplyTo, Downlink Downlink)
{
    private const int MaxRefusals = 1_000; // about 100 bytes each: an answer stays below 100 KiB

    /// <summary>
    /// The higher sequence wins, since the answers of one group are posted in any order; refusals and commands of both are kept, since each is said only once.
    /// </summary>
    public PendingReply Then(string replyTo, Downlink newer)
    {
        var merged = newer.Clone();
        merged.CommittedSequence = Math.Max(merged.CommittedSequence, Downlink.CommittedSequence);
        merged.Duplicates = unchecked(merged.Duplicates + Downlink.Duplicates);
        merged.Refused.AddRange(Downlink.Refused.Take(Math.Max(0, MaxRefusals - merged.Refused.Count)));
        foreach (var command in Downlink.Commands)
        {
            if (!merged.Commands.Any(c => c.Id == command.Id)) merged.Commands.Add(command);
        }

        return new PendingReply(replyTo, merged);
    }
}
