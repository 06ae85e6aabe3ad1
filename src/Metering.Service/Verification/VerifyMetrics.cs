using System.Diagnostics.Metrics;

namespace Metering.Service.Verification;

/// <summary>Instruments of verification.</summary>
internal static class VerifyMetrics
{
    private static readonly Meter Meter = new("Metering.Verify");
    private static readonly Counter<long> Discrepancies = Meter.CreateCounter<long>("metering_verify_discrepancies", unit: null, description: "What verifications found not to add up, by table; any is an alarm.");
    private static readonly Counter<long> Runs = Meter.CreateCounter<long>("metering_verify_runs", unit: null, description: "Verifications that ran to their end, by result: ok, discrepancy.");

    /// <summary>Series that are there from the start: an alert on their growth sees the first one.</summary>
    public static void Begin()
    {
        foreach (var table in (ReadOnlySpan<string>)["receipt", "batch", "usage", "coverage", "quarantine", "rollup", "rollup_part"]) Discrepancies.Add(0, new KeyValuePair<string, object?>("table", table));
    }

    public static void Found(string table) => Discrepancies.Add(1, new KeyValuePair<string, object?>("table", table));

    public static void Ended(int discrepancies) => Runs.Add(1, new KeyValuePair<string, object?>("result", discrepancies == 0 ? "ok" : "discrepancy"));
}
