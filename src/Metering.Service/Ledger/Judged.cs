using Metering.Messages;
using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>What a transaction has decided about each delivery of its group.</summary>
internal sealed class Judged(IReadOnlyList<GroupItem> group, DateTimeOffset now, ICommandSource? commands = null)
{
    private readonly AgentEntry?[] _agents = new AgentEntry?[group.Count];

    public IReadOnlyList<GroupItem> Group => group;

    public DateTimeOffset Now => now;

    public Dictionary<string, AgentEntry> Agents { get; } = new(StringComparer.Ordinal);

    public HashSet<AgentEntry> Touched { get; } = [];

    public List<ReceiptRow> Receipts { get; } = [];

    /// <summary>Batches whose usage is to be added.</summary>
    public List<DecodedBatch> Accepted { get; } = [];

    /// <summary>True when a quota that enforces has moved.</summary>
    public bool MovedEnforcement { get; set; }

    public IngestResult[] Results { get; } = new IngestResult[group.Count];

    public string?[] Reasons { get; } = new string?[group.Count];

    public void Set(int i, IngestResult result, string? reason, AgentEntry? agent) => (Results[i], Reasons[i], _agents[i]) = (result, reason, agent);

    /// <summary>The answers, with the marks as they are after the whole group.</summary>
    public IngestAnswer[] Answers()
    {
        var answers = new IngestAnswer[group.Count];
        for (var i = 0; i < answers.Length; i++) answers[i] = new IngestAnswer(Results[i], Downlink(i), Reasons[i]);
        return answers;
    }

    private Downlink? Downlink(int i)
    {
        // Who could not prove to be the host learns nothing of its state, only that it was refused.
        if (_agents[i] is not { } agent)
            return Results[i] == IngestResult.Refused ? new Downlink { Refused = { new Refusal { Sequence = group[i].Batch.Sequence, Reason = Reasons[i] ?? "" } } } : null;
        var downlink = new Downlink { AgentEpoch = agent.Epoch, CommittedSequence = agent.Committed, Duplicates = Results[i] == IngestResult.Duplicate ? 1u : 0u };
        if (Results[i] is IngestResult.Refused or IngestResult.Quarantined) downlink.Refused.Add(new Refusal { Sequence = group[i].Batch.Sequence, Reason = Reasons[i] ?? "" });
        if (commands is not null) downlink.Commands.AddRange(commands.For(agent.Host));
        return downlink;
    }
}
