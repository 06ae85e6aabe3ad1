using Metering.Meters;

namespace Metering.Service.Quotas;

/// <summary>Checks a quota; every fault is listed at once.</summary>
internal static class QuotaRules
{
    public static readonly IReadOnlyList<string> Windows = ["hour", "day", "week", "month"];

    public static List<string> Check(string id, Quota quota, IReadOnlySet<string> webhooks)
    {
        var faults = new List<string>();
        if (id.Length is 0 or > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) faults.Add("The id is 1 to 64 letters, digits, '-' or '_'.");
        if (string.IsNullOrEmpty(quota.Subject.Tenant)) faults.Add("subject.tenant is missing.");
        if (quota.Meter != "cost" && (!MeterCatalogue.TryFind(quota.Meter, out var meter) || meter.Kind != MeterKind.Sum))
            faults.Add($"meter '{quota.Meter}' is unknown or a peak; it is cost or one of {string.Join(", ", MeterCatalogue.All.Where(known => known.Kind == MeterKind.Sum).Select(known => known.Name))}.");
        if (!Windows.Contains(quota.Window)) faults.Add($"window '{quota.Window}' is unknown; it is {string.Join(", ", Windows)}.");
        if (quota.Limit <= 0 || quota.Limit > 1e24m) faults.Add($"limit {quota.Limit} is out of range; it is more than 0.");
        if (quota.Thresholds.Count is 0 or > 20) faults.Add("thresholds has 1 to 20 entries.");
        foreach (var threshold in quota.Thresholds)
        {
            if (threshold is <= 0 or > 1000) faults.Add($"threshold {threshold} is out of range; it is a percentage of more than 0, at most 1000.");
        }

        if (quota.Thresholds.Distinct().Count() != quota.Thresholds.Count) faults.Add("thresholds has the same entry twice.");
        foreach (var webhook in quota.Notify)
        {
            if (!webhooks.Contains(webhook)) faults.Add($"notify names the webhook '{webhook}', which there is not; make it first with PUT /v1/webhooks/{webhook}.");
        }

        return faults;
    }
}
