using System.Runtime.InteropServices;

namespace Metering.Exposition;

/// <summary>A counter or gauge. Recorded values are kept here; each observable instrument contributes what it last reported.</summary>
internal sealed class NumberSeries(string labels) : MetricSeries(labels)
{
    private readonly Lock gate = new();
    private MetricNumber recorded;
    private bool wasRecorded;
    private List<Contribution>? contributions;

    public void Add(MetricNumber value)
    {
        lock (gate)
        {
            recorded = recorded.Plus(value);
            wasRecorded = true;
        }
    }

    public void Set(MetricNumber value)
    {
        lock (gate)
        {
            recorded = value;
            wasRecorded = true;
        }
    }

    /// <summary>
    /// Takes what an observable instrument reports in this scrape. A counter that reports less than before started again from zero, so that the series
    /// itself never goes down.
    /// </summary>
    public void Observe(InstrumentState owner, MetricNumber value, long scrape)
    {
        lock (gate)
        {
            contributions ??= [];
            var index = contributions.FindIndex(one => one.Owner == owner);
            var before = index < 0 ? new Contribution(owner, default, default, scrape) : contributions[index];
            var restarted = owner.Type == MetricType.Counter && value.ToDouble() < before.Last.ToDouble();
            var now = new Contribution(owner, restarted ? before.Offset.Plus(before.Last) : before.Offset, value, scrape);
            if (index < 0) contributions.Add(now);
            else contributions[index] = now;
        }
    }

    /// <summary>The instrument is gone; what a counter had counted stays.</summary>
    public void Complete(InstrumentState owner)
    {
        lock (gate)
        {
            var index = contributions?.FindIndex(one => one.Owner == owner) ?? -1;
            if (index < 0) return;
            var last = contributions![index];
            contributions.RemoveAt(index);
            if (owner.Type != MetricType.Counter) return;
            recorded = recorded.Plus(last.Offset).Plus(last.Last);
            wasRecorded = true;
        }
    }

    public override bool TryWrite(ExpositionWriter writer, string family, MetricType type, long scrape)
    {
        MetricNumber value;
        lock (gate)
        {
            // A gauge that its callback no longer reports is gone, not idle: repeating it would be a claim about now. A counter stays.
            if (type == MetricType.Gauge) contributions?.RemoveAll(one => one.Scrape != scrape);
            if (!wasRecorded && contributions is null or { Count: 0 }) return false;
            value = recorded;
            foreach (var one in contributions ?? []) value = value.Plus(one.Offset).Plus(one.Last);
        }

        writer.Begin(family, type == MetricType.Counter ? "_total" : "", Labels);
        writer.End(value);
        return true;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Contribution(InstrumentState Owner, MetricNumber Offset, MetricNumber Last, long Scrape);
}
