using Metering.Agent.Journal;
using Metering.Messages;
using Metering.Safety;

namespace Metering.Agent.Shipping;

/// <summary>
/// Decides what is sent when: at most <paramref name="size"/> batches under way, in order, from the journal; again from the ledger's mark whenever an outcome is unknown.
/// Does no I/O but the journal's, so the simulation drives it step by step.
/// </summary>
internal sealed class SendWindow(AgentJournal journal, int size, SafetyRule rules = SafetyRule.All)
{
    private readonly HashSet<ulong> _underWay = [];
    private ulong _cursor;

    /// <summary>Batches handed out whose outcome is open.</summary>
    public int UnderWay => _underWay.Count;

    /// <summary>The service has seen other content under our numbers: this journal's epoch must end.</summary>
    public bool Forked { get; private set; }

    /// <summary>Why the other side refuses us, while it does.</summary>
    public string? Refusal { get; private set; }

    /// <summary>True when everything journalled is committed by the ledger.</summary>
    public bool IsDrained => journal.Committed + 1 >= journal.NextSequence;

    /// <summary>The next batches to send; empty when the window is full or the journal has no more. They are durably marked as offered first.</summary>
    public IReadOnlyList<OutgoingBatch> Next()
    {
        var room = size - _underWay.Count;
        if (room <= 0 || Forked) return [];
        var from = Math.Max(_cursor, journal.Committed) + 1;
        if (from >= journal.NextSequence) return [];
        var batches = journal.Read(from, room);
        if (batches.Count == 0) return [];
        var next = new List<OutgoingBatch>(batches.Count);
        foreach (var (batch, _) in batches)
        {
            _cursor = batch.Sequence;
            if (_underWay.Add(batch.Sequence)) next.Add(new OutgoingBatch(journal.Host, journal.Epoch, batch.FirstSequence, batch.Sequence, batch.Bytes));
        }

        journal.Offer(_cursor);
        return next;
    }

    /// <summary>One publish has ended.</summary>
    public void Ended(OutgoingBatch batch, ShipOutcome outcome)
    {
        if (batch.Epoch != journal.Epoch) return;
        _underWay.Remove(batch.Sequence);
        switch (outcome.Result)
        {
            case ShipResult.Committed:
                Refusal = null;
                break;
            case ShipResult.Rejected:
                Refusal = outcome.Reason ?? "refused without a reason";
                Rewind();
                break;
            case ShipResult.Unknown when (rules & SafetyRule.ResendAfterUnknownOutcome) != 0:
                Rewind();
                break;
        }

        if (outcome.Answer is { } answer) Answer(answer);
    }

    /// <summary>The ledger's word, with a publish or on its own. True when it has moved.</summary>
    public bool Answer(Downlink answer)
    {
        if (answer.AgentEpoch.Length > 0 && answer.AgentEpoch != journal.Epoch) return false;
        foreach (var refusal in answer.Refused)
        {
            if (refusal.Sequence <= answer.CommittedSequence) continue;
            if (refusal.Reason.StartsWith("fork", StringComparison.Ordinal)) Forked = true;
            else Refusal = refusal.Reason;
        }

        if (answer.AgentEpoch.Length == 0) return false;
        var before = journal.Committed;
        if (journal.Acknowledge(answer.CommittedSequence)) Rewind();
        return journal.Committed != before;
    }

    /// <summary>Everything above the ledger's mark is sent again; receipts make that harmless.</summary>
    public void Rewind()
    {
        _cursor = journal.Committed;
    }

    /// <summary>The connection is gone, and with it everything under way.</summary>
    public void Reset()
    {
        _underWay.Clear();
        Rewind();
    }

    /// <summary>After <see cref="AgentJournal.BeginNewEpoch"/>.</summary>
    public void BeginNewEpoch()
    {
        _underWay.Clear();
        (_cursor, Forked, Refusal) = (0, false, null);
    }
}
