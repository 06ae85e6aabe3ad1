using Metering.Messages;
using Metering.Meters;

namespace Metering.Service.Verification;

/// <summary>Where the last record of each live instance ended, per meter: the next one of the same generation starts there.</summary>
internal sealed class ReadingChains(bool onlyCpu = false)
{
    /// <summary>How a fault of the chain begins, as against one within a record.</summary>
    public const string Break = "chain: ";

    private readonly Dictionary<(ulong Inode, int Meter), (uint Generation, ulong End)> _ends = [];
    private readonly Dictionary<ulong, int> _meters = [];

    /// <summary>Instances that are followed.</summary>
    public int Count => _meters.Count;

    public void Clear()
    {
        _ends.Clear();
        _meters.Clear();
    }

    /// <summary>Takes a record; gives what is wrong with it, or null. Peaks are no sums and have no chain.</summary>
    public string? Take(WorkloadUsage record, ref long unproved)
    {
        string? fault = null;
        foreach (var reading in record.Meters)
        {
            if (!MeterCatalogue.TryFind(reading.Meter, out var meter) || meter.Kind != MeterKind.Sum || (onlyCpu && meter != MeterCatalogue.Cpu)) continue;
            if ((reading.Start | reading.End) == 0 && reading.Quantity > 0)
            {
                unproved++;
                continue;
            }

            if (unchecked(reading.End - reading.Start) != reading.Quantity) fault ??= $"{meter.Name}: from {reading.Start} to {reading.End} and yet a quantity of {reading.Quantity}";
            var key = (record.Inode, meter.Index);
            if (_ends.TryGetValue(key, out var last))
            {
                if (reading.Generation < last.Generation) fault ??= $"{Break}{meter.Name} has generation {reading.Generation} after {last.Generation}";
                else if (reading.Generation == last.Generation && reading.Start != last.End) fault ??= $"{Break}{meter.Name} starts at {reading.Start}, the record before ended at {last.End}";
            }

            _ends[key] = (reading.Generation, reading.End);
            _meters[record.Inode] = Math.Max(_meters.GetValueOrDefault(record.Inode), meter.Index + 1);
        }

        if (record.Final) End(record.Inode);
        return fault;
    }

    private void End(ulong inode)
    {
        if (!_meters.Remove(inode, out var meters)) return;
        for (var meter = 0; meter < meters; meter++) _ends.Remove((inode, meter));
    }
}
