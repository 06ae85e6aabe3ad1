using System.Text.Json;
using Metering.Service.Reports;

namespace Metering.Cli.Top;

/// <summary>A host's alarms in words; empty when there are none.</summary>
internal static class AlarmText
{
    public static string Of(HostAlarmView alarms)
    {
        (long Count, string What)[] all =
        [
            (alarms.ConservationFailures, "readings that do not add up"), (alarms.ChainBreaks, "records that do not follow each other"), (alarms.ReadingFailures, "quantities that are no difference of readings"),
            (alarms.Forks, "forks"), (alarms.Refused, "refused batches"), (alarms.Quarantined, "quarantined batches"), (alarms.MissingBatches, "missing batches"),
            (alarms.OverBound, "records over the bound of new workloads"),
        ];
        return string.Join(", ", all.Where(alarm => alarm.Count > 0).Select(alarm => $"{alarm.Count} {alarm.What}"));
    }

    /// <summary>The alarms of a row of <c>/v1/hosts</c>.</summary>
    public static string Of(JsonElement host) =>
        host.TryGetProperty("alarms", out var alarms) && alarms.Deserialize<HostAlarmView>(Client.CliJson.Compact) is { } view ? Of(view) : "";
}
