using Metering.Agent.Journal;
using Metering.Messages;
using Metering.Tests.Support;

namespace Metering.Tests.Simulation;

/// <summary>What was used by a cgroup that ended, beside what the journal bills for it: where settlement claims to be certain, the two must agree.</summary>
internal sealed class SettledTruth(FakeTree tree, string host)
{
    // Rounding: a microsecond is held back for each live sibling, and goes to whoever ends.
    private const ulong Tolerance = 40;
    private readonly Dictionary<(ulong Inode, uint Generation), (ulong Start, ulong Billed)> _billed = [];

    /// <summary>Settled ends, and those of cgroups that were never opened.</summary>
    public int Settled { get; private set; }

    public int SettledUnopened { get; private set; }

    public int Estimated { get; private set; }

    /// <summary>All CPU time of all records.</summary>
    public ulong Microseconds { get; private set; }

    public void Check(AgentJournal journal, ulong from)
    {
        foreach (var (encoded, _) in journal.Read(from, int.MaxValue))
        {
            var batch = UsageBatch.Parser.ParseFrom(encoded.Bytes);
            foreach (var record in batch.Workloads) Check(record);
        }

        tree.Gone.RemoveAll(cgroup => tree.Gone.Count > 400 && cgroup.WasOpened);
    }

    private void Check(WorkloadUsage record)
    {
        foreach (var reading in record.Meters.Where(meter => meter.Meter == "cpuMicroseconds")) Check(record, reading);
    }

    private void Check(WorkloadUsage record, MeterReading reading)
    {
        var (start, billed) = _billed.GetValueOrDefault((record.Inode, reading.Generation), (reading.Start, 0UL));
        Support.Check.That(tree.Resets || reading.Start == start + billed, $"{host}{record.Path}#{record.Inode}: a record starts at {reading.Start}, the one before ended at {start + billed}");
        billed += reading.Quantity;
        Microseconds += reading.Quantity;
        _billed[(record.Inode, reading.Generation)] = (start, billed);
        Support.Check.That(record.Origin != Origin.Estimated || record.Final, "an estimate is not the last record");
        if (record.Origin == Origin.Estimated) Estimated++;
        if (record.Origin != Origin.Settled) return;
        Settled++;
        if (tree.Resets) return;
        if (record.Inode >> 62 == 1)
        {
            SettledUnopened++;
            var candidates = tree.Gone.Where(cgroup => !cgroup.WasOpened && cgroup.Path == record.Path).ToList();
            Support.Check.That(candidates.Exists(cgroup => Near(cgroup.TrueNanoseconds / 1000, billed)), $"{host}{record.Path}: {billed} µs are settled on a cgroup that was never opened, truths are {string.Join(' ', candidates.Select(cgroup => cgroup.TrueNanoseconds / 1000))}");
            return;
        }

        var truth = tree.Gone.Find(cgroup => cgroup.Inode == record.Inode);
        if (truth is null || truth.WasParent) return;
        Support.Check.That(Near(truth.TrueNanoseconds / 1000, start + billed), $"{host}{record.Path}#{record.Inode}: {billed} µs from {start} are billed as settled, {truth.TrueNanoseconds / 1000} µs were used");
    }

    private static bool Near(ulong truth, ulong billed) => truth <= billed + Tolerance && billed <= truth + Tolerance;
}
