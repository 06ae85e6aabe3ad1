using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Metering.Identity;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest;

/// <summary>
/// Counts per host what must not happen, since this process started, and writes one error line for each host and kind, whatever number of batches follow.
/// What the ledger keeps beyond restarts (sandwiches, gaps, quarantine) is in <c>/v1/hosts</c>.
/// </summary>
internal sealed partial class HostAlarms(TimeProvider clock, ILogger<HostAlarms> log)
{
    /// <summary>A gap that closes sooner is only a batch that overtook another.</summary>
    private static readonly TimeSpan GapPatience = TimeSpan.FromMinutes(1);

    // Hosts name themselves: whoever sends thousands of names gets one line for all that come later.
    private const int MaxHosts = 10_000;
    private const string Others = "(others)";

    private static readonly Meter Meter = new("Metering.Alarms");
    private static readonly Counter<long> Alarms = Meter.CreateCounter<long>("metering_ingest_alarms", unit: null,
        description: "Findings by kind since the process started: conservation, reading, chain, gap, fork, refused, overbound, quarantined. Any is an alarm; metering verify tells more.");

    /// <summary>Series that are there from the start: an alert on their growth sees the first one.</summary>
    public static void Begin()
    {
        foreach (var kind in Enum.GetValues<AlarmKind>()) Alarms.Add(0, new KeyValuePair<string, object?>("kind", Label(kind)));
    }

    private readonly ConcurrentDictionary<string, long[]> _counts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _gapsSince = new(StringComparer.Ordinal);

    /// <summary>Looks at what became of a batch.</summary>
    public void See(DecodedBatch batch, IngestAnswer answer)
    {
        switch (answer.Result)
        {
            case IngestResult.Refused:
                Raise(batch.Host, answer.Reason?.StartsWith("fork", StringComparison.Ordinal) == true ? AlarmKind.Fork : AlarmKind.Refused, 1, answer.Reason ?? "");
                return;
            case IngestResult.Quarantined:
                Raise(batch.Host, AlarmKind.Quarantined, 1, answer.Reason ?? "");
                return;
            case IngestResult.Duplicate:
                return;
        }

        if (batch.ConservationFailures > 0) Raise(batch.Host, AlarmKind.Conservation, batch.ConservationFailures, $"in batch {batch.Sequence} of epoch {batch.Epoch}");
        if (batch.ReadingFailures > 0) Raise(batch.Host, AlarmKind.Reading, batch.ReadingFailures, $"in batch {batch.Sequence} of epoch {batch.Epoch}");
        if (batch.OverBound > 0) Raise(batch.Host, AlarmKind.OverBound, batch.OverBound, $"in batch {batch.Sequence} of epoch {batch.Epoch}; Ledger:MaxNewWorkloads is the bound");
        if (answer.Downlink is { } downlink) WatchGap(batch, downlink.CommittedSequence);
    }

    /// <summary>Counts a finding; the first of its host and kind is logged.</summary>
    public void Raise(string host, AlarmKind kind, long count, string detail)
    {
        var name = HostId.TryParse(host, out _) && (_counts.Count < MaxHosts || _counts.ContainsKey(host)) ? host : Others;
        var before = Interlocked.Add(ref _counts.GetOrAdd(name, _ => new long[Enum.GetValues<AlarmKind>().Length])[(int)kind], count) - count;
        Alarms.Add(count, new KeyValuePair<string, object?>("kind", Label(kind)));
        if (before == 0) LogAlarm(log, name, Meaning(kind), BatchDecoder.Bounded(detail, 500));
    }

    /// <summary>How often since the process started.</summary>
    public long Count(string host, AlarmKind kind) => _counts.TryGetValue(host, out var counts) ? Interlocked.Read(ref counts[(int)kind]) : 0;

    internal static string Label(AlarmKind kind) => kind.ToString().ToLowerInvariant();

    private void WatchGap(DecodedBatch batch, ulong committed)
    {
        if (committed >= batch.Sequence)
        {
            if (!_gapsSince.IsEmpty) _gapsSince.TryRemove(batch.Epoch, out _);
            return;
        }

        var now = clock.GetUtcNow();
        if (_gapsSince.Count >= MaxHosts && !_gapsSince.ContainsKey(batch.Epoch)) return;
        if (now - _gapsSince.GetOrAdd(batch.Epoch, now) < GapPatience) return;
        _gapsSince[batch.Epoch] = DateTimeOffset.MaxValue; // once for each gap
        Raise(batch.Host, AlarmKind.Gap, 1, $"batch {committed + 1} of epoch {batch.Epoch} is missing, {batch.Sequence} is there");
    }

    private static string Meaning(AlarmKind kind) => kind switch
    {
        AlarmKind.Conservation => "readings of a parent and its children do not add up",
        AlarmKind.Reading => "a quantity is not the difference of its readings",
        AlarmKind.Chain => "a record does not start where the one before it ended",
        AlarmKind.Gap => "a batch has been missing for a minute",
        AlarmKind.Fork => "two journals use the same numbers (a cloned machine or a restored copy)",
        AlarmKind.Refused => "a batch is refused for its identity",
        AlarmKind.OverBound => "it names more new workloads in one bucket than the bound, usage beyond goes to workload 'over-bound'",
        _ => "a batch is in quarantine",
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "Host {Host}: {Meaning}: {Detail}. Further ones are counted, not logged; 'metering verify' and 'metering doctor' tell more.")]
    private static partial void LogAlarm(ILogger log, string host, string meaning, string detail);
}
