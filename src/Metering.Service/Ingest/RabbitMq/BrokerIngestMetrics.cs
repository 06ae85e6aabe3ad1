using System.Diagnostics.Metrics;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>Counters of ingest over the broker.</summary>
internal static class BrokerIngestMetrics
{
    private static readonly Meter Meter = new("Metering.Service.Ingest.RabbitMq");
    private static readonly Counter<long> Deliveries = Meter.CreateCounter<long>("metering_ingest_broker_deliveries_total", "{delivery}", "Deliveries settled, by result");
    private static readonly Counter<long> Waits = Meter.CreateCounter<long>("metering_ingest_broker_waits_total", "{delivery}", "Times a delivery had to wait for a ledger that could not be written");
    private static readonly Counter<long> Sessions = Meter.CreateCounter<long>("metering_ingest_broker_attachments_total", "{attachment}", "Times a consumer was attached to the queue");
    private static readonly Counter<long> Answers = Meter.CreateCounter<long>("metering_ingest_broker_answers_total", "{answer}", "Answers to agents, by outcome: sent, refused address, dropped");

    public static void Delivered(IngestResult result) => Deliveries.Add(1, new KeyValuePair<string, object?>("result", result switch
    {
        IngestResult.Committed => "committed",
        IngestResult.Duplicate => "duplicate",
        IngestResult.Quarantined => "quarantined",
        _ => "refused",
    }));

    public static void Waited() => Waits.Add(1);

    public static void Attached() => Sessions.Add(1);

    public static void Answered(string outcome, int count = 1) => Answers.Add(count, new KeyValuePair<string, object?>("outcome", outcome));
}
