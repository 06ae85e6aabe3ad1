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
    private bool _forked;

    /// <summary>The epoch that this window is about; it follows the journal's.</summary>
    public string Epoch { get; private set; } = journal.Epoch;

    /// <summary>Batches handed out whose outcome is open.</summary>
    public int UnderWay => _underWay.Count;

    /// <summary>The service has seen other content under our numbers: this journal's epoch must end. Holds until the journal has begun a new one.</summary>
    public bool Forked
    {
        get
        {
            FollowJournal();
            return _forked;
        }
    }

    /// <summary>Why the other side refuses us, while it does.</summary>
    public string? Refusal { get; private set; }

    /// <summary>True when everything journalled is committed by the ledger.</summary>
    public bool IsDrained => journal.Committed + 1 >= journal.NextSequence;

    /// <summary>The next batches to send; empty when the window is full or the journal has no more. They are durably marked as offered first.</summary>
    public IReadOnlyList<OutgoingBatch> Next()
    {
        if (Forked) return [];
        var room = size - _underWay.Count;
        if (room <= 0) return [];
        var from = Math.Max(_cursor, journal.Committed) + 1;
        if (from >= journal.NextSequence) return [];
        var batches = journal.Read(from, room);
        if (batches.Count == 0) return [];
        var next = new List<OutgoingBatch>(batches.Count);
        foreach (var (batch, _) in batches)
        {
            _cursor = batch.Sequence;
            if (_underWay.Add(batch.Sequence)) next.Add(new OutgoingBatch(journal.Host, Epoch, batch.FirstSequence, batch.Sequence, batch.Bytes));
        }

        journal.Offer(_cursor);
        return next;
    }

    /// <summary>One publish has ended.</summary>
    public void Ended(OutgoingBatch batch, ShipOutcome outcome)
    {
        FollowJournal();
        if (batch.Epoch != Epoch) return;
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
        FollowJournal();
        if (answer.AgentEpoch.Length > 0 && answer.AgentEpoch != Epoch) return false;
        foreach (var refusal in answer.Refused)
        {
            // A fork lies at or below the mark more often than not: the mark is what the other journal has reached.
            if (refusal.Reason.StartsWith("fork", StringComparison.Ordinal)) _forked = true;
            else if (refusal.Sequence > answer.CommittedSequence) Refusal = refusal.Reason;
        }

        if (answer.AgentEpoch.Length == 0) return false;

        // More is committed than this journal ever sent: it is an old copy, and what it has now would pass for what was billed under these numbers.
        if (answer.CommittedSequence > journal.Offered) _forked = true;
        if (_forked) return false;
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
        (Epoch, _cursor, _forked, Refusal) = (journal.Epoch, 0, false, null);
    }

    // Numbers of the old epoch that are still under way would keep those of the new one from being sent.
    private void FollowJournal()
    {
        if (Epoch != journal.Epoch) BeginNewEpoch();
    }
}
