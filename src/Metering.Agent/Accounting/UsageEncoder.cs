using Metering.Agent.Cgroups;
using Metering.Messages;
using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>Turns what a pass has published since the journal's last transaction into batches of at most 256 KiB.</summary>
internal sealed class UsageEncoder
{
    /// <summary>A batch is closed before it grows past this; one record is far smaller.</summary>
    public const int MaxBatchBytes = 256 * 1024;

    private const uint Schema = 1;
    private static readonly byte[][] MeterNames = [.. MeterCatalogue.All.Select(meter => System.Text.Encoding.UTF8.GetBytes(meter.Wire))];
    private static readonly Meter[] IoMeters = [MeterCatalogue.IoReadBytes, MeterCatalogue.IoWriteBytes, MeterCatalogue.IoReadOperations, MeterCatalogue.IoWriteOperations];

    private readonly ProtoBuffer _head = new();
    private readonly ProtoBuffer _body = new(MaxBatchBytes);
    private readonly ProtoBuffer _record = new();
    private readonly ProtoBuffer _reading = new(128);
    private readonly List<EncodedBatch> _batches = [];
    private bool _machineRoot, _cpuIsBestEffort;
    private long _bucket;

    /// <summary>
    /// One batch or more, numbered from <paramref name="firstSequence"/>; none when nothing changed and no time passed. The list is used again by the next call.
    /// Covered and expected time are in the first batch only, so that their sums are right.
    /// </summary>
    public IReadOnlyList<EncodedBatch> Encode(Meterer meterer, PassWindow window, ulong firstSequence, bool rootIsMachine)
    {
        _batches.Clear();
        _body.Clear();
        (_machineRoot, _cpuIsBestEffort) = (rootIsMachine, meterer.CpuIsBestEffort);
        _bucket = Meterer.Bucket(window.EndMicroseconds);
        var sequence = firstSequence;
        foreach (var parent in meterer.Sandwiches)
        {
            if (parent.Gone) continue;
            WriteParent(parent);
            CloseIfFull(window, ref sequence);
        }

        foreach (var node in meterer.Ended)
        {
            if (WriteRecord(node)) CloseIfFull(window, ref sequence);
            if (node.GivenAtEnd > 0) WriteGiven(node);
        }

        foreach (var node in meterer.Touched)
        {
            if (!node.Gone && WriteRecord(node)) CloseIfFull(window, ref sequence);
        }

        foreach (var node in meterer.NamedLate)
        {
            if (WriteRecord(node)) CloseIfFull(window, ref sequence);
        }

        if (_body.Length > 0 || _batches.Count == 0) Close(window, ref sequence);
        return _batches;
    }

    private void CloseIfFull(PassWindow window, ref ulong sequence)
    {
        if (_body.Length > MaxBatchBytes - 16 * 1024) Close(window, ref sequence);
    }

    private void Close(PassWindow window, ref ulong sequence)
    {
        _head.Clear();
        _head.Text(1, window.Host);
        foreach (var (key, value) in window.HostLabels) WritePair(_head, 2, key, value);
        _head.Text(3, window.Facts.BootId);
        _head.Text(4, window.Epoch);
        _head.Varint(5, sequence);
        _head.Varint(6, sequence);
        _head.Timestamp(7, window.StartMicroseconds);
        _head.Timestamp(8, window.EndMicroseconds);
        if (_batches.Count == 0)
        {
            _head.Varint(9, window.CoveredMicroseconds);
            _head.Varint(10, window.ExpectedMicroseconds);
        }

        _reading.Clear();
        _reading.Double(1, window.Facts.Cpus);
        _reading.Varint(2, window.Facts.MemoryBytes);
        _head.Bytes(11, _reading.Written);
        _head.Append(_body.Written);
        _head.Varint(15, Schema);
        _batches.Add(new EncodedBatch(sequence, sequence, window.StartMicroseconds, window.EndMicroseconds, _head.ToArray()));
        sequence++;
        _body.Clear();
    }

    private void WriteParent(CgroupNode node)
    {
        _record.Clear();
        _record.Text(1, CgroupName.Display(node.Path));
        _record.Varint(2, node.Inode);
        _record.Varint(3, node.SandwichBefore);
        _record.Varint(4, node.SandwichAfter);
        _record.Varint(5, node.Cpu.Own);
        _record.Varint(6, node.SandwichBelow);
        _record.Varint(7, node.SandwichHeld);
        _body.Bytes(12, _record.Written);
    }

    private bool WriteRecord(CgroupNode node)
    {
        var cpu = node.Cpu;
        cpu.Own -= node.GivenAtEnd;
        var grown = cpu.Unpublished > 0 || cpu.Generation != cpu.JournalledGeneration || node.Memory is { Account.Unpublished: > 0 } ||
            (node.Pids is { } tasks && tasks.Peak > tasks.Journalled) || node.Slow is { HasUnpublished: true } || node.RecordPrefix is null;
        for (var i = 0; node.Io is { } io && i < 4 && !grown; i++) grown = io.Accounts[i].Unpublished > 0;
        if (node.Announced && !node.Gone && !grown && !node.Renamed) return false;
        if (!node.Announced && node.Gone && !grown) return false;
        if (node.GivenAtEnd > 0 && !grown) return false;

        _record.Clear();
        _record.Append(node.RecordPrefix ??= Prefix(node));
        _record.Varint(7, (ulong)Origin.Measured);
        if (node.Gone && node.GivenAtEnd == 0) _record.Varint(8, 1);
        if (node.Cpu.Started)
        {
            var availability = _cpuIsBestEffort || (_machineRoot && node.Parent is null) ? Availability.BestEffort : Availability.Exact;
            WriteAccount(MeterCatalogue.Cpu, cpu, availability);
        }

        if (node.Memory is { Account.Started: true } memory)
        {
            WriteAccount(MeterCatalogue.Memory, memory.Account, memory.Availability);
            WriteReading(MeterCatalogue.MemoryPeak, memory.JournalledPeakBytes, memory.PeakBytes, memory.PeakBytes, 0, memory.PeakIsKernels ? Availability.Exact : Availability.BestEffort);
        }

        for (var i = 0; node.Io is { } io && io.Accounts[0].Started && i < 4; i++) WriteAccount(IoMeters[i], io.Accounts[i], Meterer.IsPartial(node.Notes?[(int)MeterFamily.Io]) ? Availability.Partial : io.Availability);
        if (node.Pids is { Known: true } pids) WriteReading(MeterCatalogue.PidsPeak, pids.Journalled, pids.Peak, pids.Peak, 0, pids.Availability);
        if (node.Slow is { } slow) WriteSlow(slow);
        _body.Bytes(13, _record.Written);
        return true;
    }

    // The last record of an instance that used something after it was last read: from where the one before ended.
    private void WriteGiven(CgroupNode node)
    {
        var cpu = node.Cpu;
        cpu.Own -= node.GivenAtEnd;
        cpu.Journalled();
        cpu.Own = node.Cpu.Own;
        _record.Clear();
        _record.Append(node.RecordPrefix ??= Prefix(node));
        _record.Varint(7, (ulong)node.GivenAs);
        _record.Varint(8, 1);
        WriteAccount(MeterCatalogue.Cpu, cpu, Availability.Exact);
        _body.Bytes(13, _record.Written);
    }

    // What grew; once a bucket also what is known and stood still, for a meter that is absent is one that could not be read.
    private void WriteSlow(SlowState slow)
    {
        for (var i = 0; i < slow.Tallies.Length; i++)
        {
            ref readonly var tally = ref slow.Tallies[i];
            if (!tally.Started || (tally.Unpublished == 0 && slow.WrittenBucket == _bucket)) continue;
            WriteReading(SlowMeter.All[i].Meter, tally.Journalled, tally.Own, tally.Unpublished, 0, slow.AvailabilityOf(i));
        }
    }

    // start of record k+1 = end of record k, and end − start = quantity, per generation.
    private void WriteAccount(Meter meter, in Account account, Availability availability)
    {
        if (account.Generation == account.JournalledGeneration)
        {
            WriteReading(meter, account.PublishedEnd, account.PublishedEnd + account.Unpublished, account.Unpublished, account.Generation, availability);
            return;
        }

        var old = account.GenerationOwn - account.JournalledOwn;
        if (old > 0) WriteReading(meter, account.PublishedEnd, account.PublishedEnd + old, old, account.JournalledGeneration, availability);
        WriteReading(meter, 0, account.Own - account.GenerationOwn, account.Own - account.GenerationOwn, account.Generation, availability);
    }

    private void WriteReading(Meter meter, ulong start, ulong end, ulong quantity, uint generation, Availability availability)
    {
        _reading.Clear();
        _reading.Bytes(1, MeterNames[meter.Index]);
        _reading.Varint(2, start);
        _reading.Varint(3, end);
        _reading.Varint(4, quantity);
        _reading.Varint(5, generation);
        _reading.Varint(6, (ulong)availability);
        _record.Bytes(9, _reading.Written);
    }

    private static byte[] Prefix(CgroupNode node)
    {
        var workload = node.Workload;
        var buffer = new ProtoBuffer(256);
        buffer.Text(1, workload.Kind);
        buffer.Text(2, CgroupName.Display(workload.Id));
        buffer.Text(3, CgroupName.Display(workload.Name));
        if (workload.Pod is { } pod) WritePair(buffer, 4, "pod", pod);
        if (workload.Container is { } container) WritePair(buffer, 4, "container", container);
        if (workload.User is { } user) WritePair(buffer, 4, "user", user);
        if (workload.Overhead) WritePair(buffer, 4, "overhead", "true");
        foreach (var (key, value) in workload.Labels) WritePair(buffer, 4, key, CgroupName.Display(value));
        buffer.Text(5, CgroupName.Display(node.Path));
        buffer.Varint(6, node.Inode);

        // After the inode, so that what identifies the workload stays the same bytes when they change.
        for (var i = 0; node.Notes is { } notes && i < notes.Length; i++)
        {
            if (notes[i] is { } note) WritePair(buffer, 4, WorkloadAvailability.LabelPrefix + ((MeterFamily)i).ToString().ToLowerInvariant(), note);
        }

        return buffer.ToArray();
    }

    private static void WritePair(ProtoBuffer into, int field, string key, string value)
    {
        var pair = new ProtoBuffer(64);
        pair.Text(1, key);
        pair.Text(2, value);
        into.Bytes(field, pair.Written);
    }
}
