using System.Text;
using Metering.Identity;
using Metering.Meters;

namespace Metering.Service.Ingest;

/// <summary>
/// Reads the protobuf bytes of a <c>UsageBatch</c> and checks them. Hand-written because generated message objects cost more than the commit:
/// a group of 100,000 records makes no object per record here. Never throws for content; says what is wrong instead.
/// </summary>
public static class BatchDecoder
{
    public const int MaxBytes = 1 << 20;
    public const uint NewestSchema = 1;

    /// <summary>Larger quantities can not be meant: 2^56 µs are 2,284 years of one processor in one window.</summary>
    private const ulong MaxQuantity = 1UL << 56;

    private static readonly byte[] NotePrefix = Encoding.UTF8.GetBytes(WorkloadAvailability.LabelPrefix);

    /// <summary>Decodes; <paramref name="fault"/> is null when the batch is good. With a fault, host, epoch and sequence are still set if they could be read.</summary>
    public static DecodedBatch Decode(ReadOnlyMemory<byte> body, DateTimeOffset now, out string? fault)
    {
        var batch = new DecodedBatch { Body = body, Hash = BatchHash.Of(body.Span) };
        fault = body.Length == 0 ? "The body is empty." : body.Length > MaxBytes ? $"The body has {body.Length} bytes; a batch has at most {MaxBytes}." : null;
        if (fault is not null) return batch;
        try
        {
            ReadBatch(batch);
        }
        catch (FormatException e)
        {
            fault = "The body is no UsageBatch: " + e.Message;
            return batch;
        }

        fault = Check(batch, now);
        return batch;
    }

    private static string? Check(DecodedBatch batch, DateTimeOffset now)
    {
        if (!HostId.TryParse(batch.Host, out _)) return "host is no host id; it is 1 to 64 letters, digits, '-' or '_'.";
        if (batch.Epoch.Length is 0 or > 64) return "agentEpoch is missing or longer than 64 characters.";
        if (batch.Sequence is 0 or > long.MaxValue || batch.FirstSequence is 0 || batch.FirstSequence > batch.Sequence) return $"firstSequence and sequence are {batch.FirstSequence} and {batch.Sequence}, which is no range; numbers begin at 1.";
        if (batch.Schema > NewestSchema) return $"schema is {batch.Schema}, newer than {NewestSchema}, which this service knows; upgrade it, then replay the quarantine.";
        if (batch.WindowEnd < batch.WindowStart || batch.WindowStart < 0) return "windowEnd is before windowStart.";
        if (Units.UnixTime.FromMicroseconds(batch.WindowEnd) > now.AddDays(1)) return $"windowEnd is {Units.UnixTime.FromMicroseconds(batch.WindowEnd):O}, more than a day ahead of this service's clock.";
        if (batch.CoveredMicroseconds > batch.ExpectedMicroseconds) return "coveredMicroseconds is more than expectedMicroseconds: the window covers more time than it has.";
        for (var i = 0; i < batch.Records.Count; i++)
        {
            var record = batch.Records[i];
            if (batch.Slice(record.Kind).IsEmpty || batch.Slice(record.Id).IsEmpty) return $"workloads[{i}] has no kind or no id.";
        }

        return null;
    }

    private static void ReadBatch(DecodedBatch batch)
    {
        var reader = new WireReader(batch.Body.Span, 0, batch.Body.Length);
        while (reader.Next(out var field, out var wire))
        {
            switch (field)
            {
                case 1: batch.Host = reader.Text(wire); break;
                case 2:
                    var (key, value) = ReadPair(ref reader, wire);
                    if (batch.HostLabels.Count < 64) batch.HostLabels[key] = value;
                    break;
                case 3: batch.BootId = reader.Text(wire); break;
                case 4: batch.Epoch = reader.Text(wire); break;
                case 5: batch.FirstSequence = reader.Number(wire); break;
                case 6: batch.Sequence = reader.Number(wire); break;
                case 7: batch.WindowStart = ReadTimestamp(ref reader, wire); break;
                case 8: batch.WindowEnd = ReadTimestamp(ref reader, wire); break;
                case 9: batch.CoveredMicroseconds = reader.Number(wire); break;
                case 10: batch.ExpectedMicroseconds = reader.Number(wire); break;
                case 11: ReadCapacity(batch, ref reader, wire); break;
                case 12: ReadParent(batch, ref reader, wire); break;
                case 13: ReadRecord(batch, ref reader, wire); break;
                case 15: batch.Schema = (uint)Math.Min(reader.Number(wire), uint.MaxValue); break;
                default: reader.Skip(wire); break;
            }
        }
    }

    private static (string Key, string Value) ReadPair(ref WireReader reader, int wire)
    {
        var pair = reader.Message(wire);
        string key = "", value = "";
        while (pair.Next(out var field, out var inner))
        {
            if (field == 1) key = pair.Text(inner);
            else if (field == 2) value = pair.Text(inner);
            else pair.Skip(inner);
        }

        reader.Leave(pair);
        return (Bounded(key, 128), Bounded(value, 1024));
    }

    // A label is read when its workload is new; that it can be read is checked for every one. True for a reserved label.
    private static bool CheckPair(ref WireReader reader, int wire)
    {
        var pair = reader.Message(wire);
        var isNote = false;
        while (pair.Next(out var field, out var inner))
        {
            if (field == 1) isNote = pair.Span[pair.Bytes(inner)].StartsWith(NotePrefix);
            else if (field == 2) pair.Bytes(inner);
            else pair.Skip(inner);
        }

        reader.Leave(pair);
        return isNote;
    }

    private static long ReadTimestamp(ref WireReader reader, int wire)
    {
        var stamp = reader.Message(wire);
        long seconds = 0, nanoseconds = 0;
        while (stamp.Next(out var field, out var inner))
        {
            if (field == 1) seconds = unchecked((long)stamp.Number(inner));
            else if (field == 2) nanoseconds = unchecked((long)stamp.Number(inner));
            else stamp.Skip(inner);
        }

        reader.Leave(stamp);
        if (seconds is < 0 or > 253_402_300_799 || nanoseconds is < 0 or > 999_999_999) throw new FormatException($"an instant before byte {stamp.At} is out of range");
        return seconds * 1_000_000 + nanoseconds / 1000;
    }

    private static void ReadCapacity(DecodedBatch batch, ref WireReader reader, int wire)
    {
        var capacity = reader.Message(wire);
        while (capacity.Next(out var field, out var inner))
        {
            if (field == 1) batch.Cpus = capacity.Double(inner);
            else if (field == 2) batch.MemoryBytes = Math.Min(capacity.Number(inner), long.MaxValue);
            else capacity.Skip(inner);
        }

        if (!double.IsFinite(batch.Cpus) || batch.Cpus < 0) throw new FormatException($"the capacity before byte {capacity.At} is no number of processors");
        reader.Leave(capacity);
    }

    private static void ReadParent(DecodedBatch batch, ref WireReader reader, int wire)
    {
        var parent = reader.Message(wire);
        UInt128 before = 0, after = 0, own = 0, below = 0, held = 0;
        while (parent.Next(out var field, out var inner))
        {
            switch (field)
            {
                case 3: before = parent.Number(inner); break;
                case 4: after = parent.Number(inner); break;
                case 5: own = parent.Number(inner); break;
                case 6: below = parent.Number(inner); break;
                case 7: held = parent.Number(inner); break;
                default: parent.Skip(inner); break;
            }
        }

        reader.Leave(parent);
        if (own + below + held < before || own + below > after) batch.ConservationFailures++;
    }

    private static void ReadRecord(DecodedBatch batch, ref WireReader reader, int wire)
    {
        var message = reader.Message(wire);
        var record = new DecodedRecord { FirstReading = batch.Readings.Count, Whole = message.At..message.End };
        var (identityEnd, past) = (message.At, false);
        for (var at = message.At; message.Next(out var field, out var inner); at = message.At)
        {
            var isNote = false;
            switch (field)
            {
                case 1: record.Kind = message.Bytes(inner); break;
                case 2: record.Id = message.Bytes(inner); break;
                case 3: record.Name = message.Bytes(inner); break;
                case 4: isNote = CheckPair(ref message, inner); break;
                case 5: record.Path = message.Bytes(inner); break;
                case 6: record.Inode = message.Number(inner); break;
                case 7: record.Origin = (int)Math.Min(message.Number(inner), 99); break;
                case 8: record.Final = message.Number(inner) != 0; break;
                case 9: record.FromZero |= ReadReading(batch, ref message, inner); break;
                default: message.Skip(inner); break;
            }

            // Reserved labels are state, not identity. Ours come last, so that the bytes of the identity stay the same when they change.
            if (isNote) record.Notes = (record.Notes.End.Value > 0 ? record.Notes.Start.Value : at)..message.At;
            else if (field > 6) past = true;
            else if (past || record.Notes.End.Value > 0) record.Scattered = true;
            else identityEnd = message.At;
        }

        record.Identity = record.Whole.Start.Value..identityEnd;
        record.ReadingCount = batch.Readings.Count - record.FirstReading;
        reader.Leave(message);
        batch.Records.Add(record);
    }

    // True for a CPU reading that starts at zero in the counter's first generation.
    private static bool ReadReading(DecodedBatch batch, ref WireReader reader, int wire)
    {
        var reading = reader.Message(wire);
        var meter = -1;
        ulong start = 0, end = 0, quantity = 0, generation = 0, availability = 0;
        while (reading.Next(out var field, out var inner))
        {
            switch (field)
            {
                case 1: meter = MeterCatalogue.IndexOf(reading.Span[reading.Bytes(inner)]); break;
                case 2: start = reading.Number(inner); break;
                case 3: end = reading.Number(inner); break;
                case 4: quantity = reading.Number(inner); break;
                case 5: generation = reading.Number(inner); break;
                case 6: availability = reading.Number(inner); break;
                default: reading.Skip(inner); break;
            }
        }

        reader.Leave(reading);
        if (quantity > MaxQuantity) throw new FormatException($"a quantity of {quantity} before byte {reading.At} can not be meant");

        // A meter that a newer agent knows: its bytes are kept with the batch.
        if (meter < 0)
        {
            batch.UnknownMeters++;
            return false;
        }

        batch.Readings.Add(new DecodedReading(meter, (long)quantity, (int)Math.Min(availability, 3)));
        if (unchecked(end - start) != quantity && (start | end) != 0 && MeterCatalogue.All[meter].Kind == MeterKind.Sum) batch.ReadingFailures++;
        return start == 0 && generation == 0 && meter == MeterCatalogue.Cpu.Index;
    }

    /// <summary>The labels of a record; read only when a workload is new or has changed.</summary>
    internal static SortedDictionary<string, string> Labels(DecodedBatch batch, in DecodedRecord record)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var reader = new WireReader(batch.Body.Span, record.Whole.Start.Value, record.Whole.End.Value);
        while (reader.Next(out var field, out var wire))
        {
            if (field != 4)
            {
                reader.Skip(wire);
                continue;
            }

            var (key, value) = ReadPair(ref reader, wire);
            if (labels.Count < 64 && !key.StartsWith(WorkloadAvailability.LabelPrefix, StringComparison.Ordinal)) labels[key] = value;
        }

        return labels;
    }

    /// <summary>The identity of a scattered record: a copy of its fields from kind to inode, without reserved labels.</summary>
    internal static byte[] Identity(DecodedBatch batch, in DecodedRecord record)
    {
        var identity = new List<byte>(256);
        var reader = new WireReader(batch.Body.Span, record.Whole.Start.Value, record.Whole.End.Value);
        for (var at = reader.At; reader.Next(out var field, out var wire); at = reader.At)
        {
            var isNote = false;
            if (field == 4) isNote = CheckPair(ref reader, wire);
            else reader.Skip(wire);
            if (field <= 6 && !isNote) identity.AddRange(batch.Body.Span[at..reader.At]);
        }

        return [.. identity];
    }

    /// <summary>Reserved labels by what follows their prefix, from the bytes of <see cref="DecodedRecord.Notes"/>.</summary>
    internal static Dictionary<string, string> Notes(ReadOnlySpan<byte> bytes)
    {
        var notes = new Dictionary<string, string>(StringComparer.Ordinal);
        var reader = new WireReader(bytes, 0, bytes.Length);
        while (reader.Next(out var field, out var wire))
        {
            if (field != 4)
            {
                reader.Skip(wire);
                continue;
            }

            var (key, value) = ReadPair(ref reader, wire);
            if (notes.Count < 16 && key.StartsWith(WorkloadAvailability.LabelPrefix, StringComparison.Ordinal)) notes[key[WorkloadAvailability.LabelPrefix.Length..]] = value;
        }

        return notes;
    }

    internal static string Bounded(string text, int length) => text.Length <= length ? text : text[..length];

    internal static string Text(ReadOnlySpan<byte> utf8, int length) => Bounded(Encoding.UTF8.GetString(utf8), length).Replace('\0', '\uFFFD');
}
