namespace Metering.Service.Ingest;

/// <summary>A batch taken apart without objects per record: records and readings are ranges of two arrays, texts are ranges of the body.</summary>
public sealed class DecodedBatch
{
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required byte[] Hash { get; init; }

    public string Host { get; set; } = "";

    public string Epoch { get; set; } = "";

    public string BootId { get; set; } = "";

    public SortedDictionary<string, string> HostLabels { get; } = new(StringComparer.Ordinal);

    public ulong FirstSequence { get; set; }

    public ulong Sequence { get; set; }

    public long WindowStart { get; set; }

    public long WindowEnd { get; set; }

    public ulong CoveredMicroseconds { get; set; }

    public ulong ExpectedMicroseconds { get; set; }

    public double Cpus { get; set; }

    public ulong MemoryBytes { get; set; }

    public uint Schema { get; set; }

    /// <summary>Parents whose sandwich does not hold: before − held ≤ own + below ≤ after.</summary>
    public int ConservationFailures { get; set; }

    /// <summary>Readings whose end − start is not their quantity; peaks, and readings without start and end, are not counted.</summary>
    public int ReadingFailures { get; set; }

    /// <summary>Records of workloads beyond the bound of new ones, as the ledger counted when it took the batch.</summary>
    public int OverBound { get; set; }

    public int UnknownMeters { get; set; }

    // Room for what a body of this size usually holds, so that the lists do not grow step by step.
    public List<DecodedRecord> Records => field ??= new List<DecodedRecord>(Math.Min(Body.Length, BatchDecoder.MaxBytes) / 400);

    public List<DecodedReading> Readings => field ??= new List<DecodedReading>(Math.Min(Body.Length, BatchDecoder.MaxBytes) / 64);

    public ReadOnlySpan<byte> Slice(Range range) => Body.Span[range];
}
