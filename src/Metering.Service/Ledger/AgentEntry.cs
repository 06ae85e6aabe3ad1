using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>One epoch of one host's agent, as read (and on PostgreSQL locked) by the transaction under way.</summary>
internal sealed class AgentEntry
{
    public long Id { get; set; }

    public required string Host { get; init; }

    public required string Epoch { get; init; }

    /// <summary>Receipts are there for every sequence up to here.</summary>
    public ulong Committed { get; set; }

    /// <summary>Highest sequence with a receipt; above <see cref="Committed"/> there is a gap.</summary>
    public ulong LastSequence { get; set; }

    /// <summary>µs; means nothing while <see cref="LastWindowEnd"/> is 0: nothing of it was metered yet.</summary>
    public long FirstWindowStart { get; set; }

    public long LastWindowEnd { get; set; }

    public string BootId { get; set; } = "";

    public string Labels { get; set; } = "{}";

    public double Cpus { get; set; }

    public long MemoryBytes { get; set; }

    public long ConservationFailures { get; set; }

    /// <summary>Ranges above the mark, stored ones and those of this transaction; null until they are needed.</summary>
    public SortedDictionary<ulong, (ulong First, byte[] Hash)>? Above { get; set; }

    /// <summary>Receipts of the transaction under way.</summary>
    public List<DecodedBatch> Accepted { get; } = [];

    public bool HadGap { get; set; }

    public bool IsNew => Id == 0;

    public void See(DecodedBatch batch, string labels)
    {
        FirstWindowStart = LastWindowEnd == 0 ? batch.WindowStart : Math.Min(FirstWindowStart, batch.WindowStart);
        ConservationFailures += batch.ConservationFailures;
        if (batch.WindowEnd < LastWindowEnd) return;
        LastWindowEnd = batch.WindowEnd;
        (BootId, Labels, Cpus, MemoryBytes) = (batch.BootId, labels, batch.Cpus, (long)batch.MemoryBytes);
    }
}
