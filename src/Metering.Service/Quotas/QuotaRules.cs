using Metering.Enforcement;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Metering.Units;

namespace Metering.Service.Quotas;

/// <summary>Checks a quota; every fault is listed at once.</summary>
internal static class QuotaRules
{
    public static readonly IReadOnlyList<string> Windows = ["hour", "day", "week", "month"];

    /// <summary>What can be told from the document alone.</summary>
    /// <param name="limit">The limit that is given or that the plan has; null: none.</param>
    public static List<Fault> Check(string id, Quota quota, decimal? limit)
    {
        var faults = new List<Fault>();
        if (id.Length is 0 or > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) Add("", "The id is 1 to 64 letters, digits, '-' or '_'.");
        CheckSubject(quota.Subject, Add);
        if (quota.Kind is not ("usage" or "rate" or "forecast" or "starved")) Add("kind", $"'{quota.Kind}' is unknown; it is usage, rate, forecast or starved.");
        CheckMeter(quota, Add);
        CheckWindow(quota, Add);
        if (quota is { Limit: null, Plan: null }) Add("limit", "is missing; give a number, or a plan's entry as plan: ID/NAME.");
        if (quota is { Limit: not null, Plan: not null }) Add("limit", "is given and a plan too; give one of them.");
        if (quota.Plan is { } plan && limit is null) Add("plan", $"'{plan}' is no entry of a plan; make it first with PUT /v1/quota-plans/{plan.Split('/')[0]}.");
        if (limit is <= 0 or > 1e20m) Add(quota.Plan is null ? "limit" : "plan", $"{(quota.Plan is null ? "" : "gives ")}{limit} is out of range; a limit is more than 0.");
        CheckThresholds(quota, Add);
        if (quota.Direction is not ("above" or "below")) Add("direction", $"'{quota.Direction}' is unknown; it is above or below.");
        if (quota.Hysteresis is < 0 or >= 100) Add("hysteresis", $"{quota.Hysteresis} is out of range; it is a percentage from 0 to less than 100.");
        CheckTimes(quota, Add);
        if (quota.Enforce is { } enforce) CheckEnforcement(quota, enforce, Add);
        if (quota.Severity is not ("info" or "warning" or "critical")) Add("severity", $"'{quota.Severity}' is unknown; it is info, warning or critical.");
        if (quota.Labels.Count > 20 || quota.Labels.Any(label => label.Key.Length is 0 or > 64 || label.Value is null or { Length: > 200 })) Add("labels", "has at most 20 entries, names of 1 to 64 and values of up to 200 characters.");
        return faults;

        void Add(string field, string message) => faults.Add(new Fault(field, message));
    }

    /// <summary>What has to be there for it.</summary>
    public static IEnumerable<Fault> CheckReferences(string id, Quota quota, IReadOnlyCollection<string> tenants, IReadOnlySet<string> webhooks, IEnumerable<string> ids)
    {
        if (quota.Subject.Tenant is { } tenant && tenant != OwnedInterval.UnattributedTenant && !tenants.Contains(tenant))
            yield return new Fault("subject.tenant", $"'{tenant}' is unknown; make it first with PUT /v1/tenants/{tenant}.");
        for (var i = 0; i < quota.Notify.Count; i++)
        {
            if (!webhooks.Contains(quota.Notify[i])) yield return new Fault($"notify[{i}]", $"names the webhook '{quota.Notify[i]}', which there is not; make it first with PUT /v1/webhooks/{quota.Notify[i]}.");
        }

        if (ids.FirstOrDefault(other => other != id && other.Equals(id, StringComparison.OrdinalIgnoreCase)) is { } twin)
            yield return new Fault("", $"The id '{id}' differs from that of the quota '{twin}' in case only; choose another one.");
    }

    /// <summary>A project's limit that its tenant's quota for the same can never let it reach, and the other way round.</summary>
    public static IEnumerable<Fault> CheckHolder(string id, Quota quota, decimal limit, IEnumerable<CompiledQuota> others)
    {
        var subject = quota.Subject;
        if (subject.Tenant is null || quota.Direction == "below") yield break;
        foreach (var other in others)
        {
            var same = other.Document;
            if (other.Id == id || same.Kind != quota.Kind || same.Meter != quota.Meter || same.Window != quota.Window || same.Direction == "below" || same.Subject.Tenant != subject.Tenant) continue;
            if (same.Subject is not { Host: null, Workload: null } || subject is not { Host: null, Workload: null }) continue;
            if (subject.Project is not null && same.Subject.Project is null && limit > other.Limit)
                yield return new Fault("limit", $"{limit} is more than the {other.Limit} of quota '{other.Id}', which holds what the tenant's projects use.");
            if (subject.Project is null && same.Subject.Project is not null && limit < other.Limit)
                yield return new Fault("limit", $"{limit} is less than the {other.Limit} of quota '{other.Id}' for project '{same.Subject.Project}', which it holds.");
        }
    }

    private static void CheckSubject(QuotaSubject subject, Action<string, string> add)
    {
        var some = subject.Tenant is not null || subject.Project is not null || subject.Host is not null || subject.Workload is not null;
        if (!some && subject.Fleet != true) add("subject", "is missing; give tenant, project, host, workload, or fleet: true.");
        if (some && subject.Fleet == true) add("subject.fleet", "is the whole fleet, so there is no other condition; leave one out.");
        if (subject.Tenant is { Length: 0 }) add("subject.tenant", "is empty.");
        if (subject.Project is not null && subject.Tenant is null) add("subject.project", "needs its tenant.");
        if (subject.Host is { Length: 0 }) add("subject.host", "is empty.");
        if (subject.Workload is { Path: null, Kind: null, Name: null, Label: null or { Count: 0 }, Host: null, User: null }) add("subject.workload", "has no condition; give path, kind, name, label or user.");
        if (subject.Workload?.Path is { } path && (path.Length == 0 || path[0] is not ('/' or '*'))) add("subject.workload.path", $"'{path}' matches nothing: a path begins with '/' at the cgroup root.");
    }

    private static void CheckMeter(Quota quota, Action<string, string> add)
    {
        if (quota.Kind == "starved")
        {
            if (quota.Meter.Length > 0) add("meter", "is left out with kind starved: it is throttled time and pressure of those who have reserved CPU.");
            return;
        }

        if (quota.Meter == "cost") return;
        if (!MeterCatalogue.TryFind(quota.Meter, out var meter) || meter.Name != quota.Meter) add("meter", $"'{quota.Meter}' is unknown; it is cost or one of {MeterCatalogue.Names}.");
        else if (meter.Kind == MeterKind.Peak && quota.Kind is "rate" or "forecast") add("meter", $"'{quota.Meter}' is a peak, which has no rate; use kind usage.");
    }

    private static void CheckWindow(Quota quota, Action<string, string> add)
    {
        var rolling = CompiledQuota.TryRolling(quota.Window, out _);
        if (!rolling && !Windows.Contains(quota.Window)) add("window", $"'{quota.Window}' is impossible; it is {string.Join(", ", Windows)}, or 'rolling 24h' with whole hours from 1h to 31d.");
        else if (quota.Kind is "rate" or "starved" && quota.Window != "month") add("window", $"is none of kind {quota.Kind}, which goes by the minute; leave it out and say how long with 'for'.");
        else if (quota.Kind == "forecast" && (rolling || quota.Window == "hour")) add("window", $"'{quota.Window}' has no end to forecast; it is day, week or month.");
    }

    private static void CheckThresholds(Quota quota, Action<string, string> add)
    {
        if (quota.Thresholds.Count + quota.Amounts.Count is 0 or > 20) add("thresholds", "has, with amounts, 1 to 20 entries.");
        for (var i = 0; i < quota.Thresholds.Count; i++)
        {
            if (quota.Thresholds[i] is <= 0 or > 1000) add($"thresholds[{i}]", $"{quota.Thresholds[i]} is out of range; it is a percentage of more than 0, at most 1000.");
            if (quota.Thresholds.Take(i).Contains(quota.Thresholds[i])) add($"thresholds[{i}]", $"{quota.Thresholds[i]} is there twice.");
        }

        for (var i = 0; i < quota.Amounts.Count; i++)
        {
            if (quota.Amounts[i] is <= 0 or > 1e21m) add($"amounts[{i}]", $"{quota.Amounts[i]} is out of range; it is more than 0, in the unit of the limit.");
            if (quota.Amounts.Take(i).Contains(quota.Amounts[i])) add($"amounts[{i}]", $"{quota.Amounts[i]} is there twice.");
        }
    }

    private static void CheckEnforcement(Quota quota, QuotaEnforcement enforce, Action<string, string> add)
    {
        var freeze = enforce.Action == EnforcementAction.CgroupFreeze.File();
        if (!EnforcementActions.ByName.ContainsKey(enforce.Action)) add("enforce.action", $"'{enforce.Action}' is unknown; it is {string.Join(", ", EnforcementActions.ByName.Keys)}.");
        else if (freeze && enforce.Value is not null) add("enforce.value", "is left out for a freeze.");
        else if (!freeze && enforce.Value is null) add("enforce.value", "is missing; give thousandths of a processor, bytes, or bytes per second, for each workload.");
        if (enforce.Value is <= 0 or > 1L << 50) add("enforce.value", $"{enforce.Value} is out of range; it is more than 0.");
        if (freeze && enforce.Scaled == true) add("enforce.scaled", "is none of a freeze.");
        var at = enforce.At ?? 100;
        if (at is <= 0 or > 1000) add("enforce.at", $"{at} is out of range; it is a percentage of more than 0, at most 1000.");
        else if (quota.Amounts.Count == 0 && !quota.Thresholds.Any(threshold => threshold >= at)) add("enforce.at", $"is {at} percent, but no threshold is that high; add {at} to thresholds.");
        if (quota.Direction == "below") add("enforce", "is none of a quota with direction below.");
        if (quota.Kind is "forecast" or "starved") add("enforce", $"is none of kind {quota.Kind}: only what was used is acted upon.");
    }

    private static void CheckTimes(Quota quota, Action<string, string> add)
    {
        var calendar = quota.Kind == "usage" && !CompiledQuota.TryRolling(quota.Window, out _);
        Span("for", quota.For, TimeSpan.FromMinutes(1), TimeSpan.FromDays(7));
        Span("grace", quota.Grace, TimeSpan.Zero, TimeSpan.FromDays(31));
        Span("shortBurn", quota.ShortBurn, TimeSpan.FromHours(1), TimeSpan.FromDays(31));
        Span("longBurn", quota.LongBurn, TimeSpan.FromHours(1), TimeSpan.FromDays(31));
        if (calendar && quota.For is not null) add("for", "is none of a calendar window, whose figure only grows; use grace.");
        if (calendar && quota.Hysteresis != 0) add("hysteresis", "is none of a calendar window, whose figure only grows.");
        if (quota.Kind != "forecast" && (quota.ShortBurn ?? quota.LongBurn) is not null) add(quota.ShortBurn is null ? "longBurn" : "shortBurn", "is for kind forecast.");
        if (quota.Kind == "forecast" && Long(quota.ShortBurn, 1) >= Long(quota.LongBurn, 6)) add("shortBurn", "is not shorter than longBurn.");

        void Span(string field, string? text, TimeSpan least, TimeSpan most)
        {
            if (text is not null && (!Duration.TryParse(text, out var span) || span < least || span > most)) add(field, $"'{text}' is no span from {least.TotalMinutes:0} min to {most.TotalDays:0} d; write it as 10m, 6h or 2d.");
        }

        static TimeSpan Long(string? text, int hours) => Duration.TryParse(text, out var span) ? span : TimeSpan.FromHours(hours);
    }
}
