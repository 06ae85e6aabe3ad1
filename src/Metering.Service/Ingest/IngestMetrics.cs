using System.Diagnostics.Metrics;

namespace Metering.Service.Ingest;

/// <summary>Instruments of this stage.</summary>
internal static class IngestMetrics
{
    private static readonly Meter Meter = new("Metering.Ingest");
    private static readonly Counter<long> Batches = Meter.CreateCounter<long>("metering_ingest_batches", unit: null, description: "Batches by what became of them.");
    private static readonly Counter<long> Records = Meter.CreateCounter<long>("metering_ingest_records", unit: null, description: "Workload records that were added to the ledger.");
    private static readonly Histogram<double> Commit = Meter.CreateHistogram<double>("metering_ingest_commit_seconds", unit: "s", description: "Time from the first delivery of a group to its commit.");
    private static readonly Histogram<double> Group = Meter.CreateHistogram<double>("metering_ingest_group_batches", unit: null, description: "Batches per transaction.");

    /// <summary>Series that are there from the start: an alert on their growth sees the first one.</summary>
    public static void Begin()
    {
        foreach (var result in Enum.GetValues<IngestResult>()) Batches.Add(0, new KeyValuePair<string, object?>("result", Label(result)));
    }

    public static void Wrote(int batches, IngestAnswer[] answers, long records, TimeSpan elapsed)
    {
        foreach (var result in answers.CountBy(answer => answer.Result)) Batches.Add(result.Value, new KeyValuePair<string, object?>("result", Label(result.Key)));
        Records.Add(records);
        Commit.Record(elapsed.TotalSeconds);
        Group.Record(batches);
    }

    private static string Label(IngestResult result) => result switch
    {
        IngestResult.Committed => "committed",
        IngestResult.Duplicate => "duplicate",
        IngestResult.Quarantined => "quarantined",
        _ => "refused",
    };
}
