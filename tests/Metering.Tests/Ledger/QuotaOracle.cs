using Metering.Service.Quotas;

namespace Metering.Tests.Ledger;

/// <summary>
/// What quotas should do, as simply as it can be said: all usage is a list, every figure is a sum over it, nothing is stored but who is in which state.
/// Knows hour, day, week, month and rolling windows in a zone, by the system's own calendar, thresholds in percent, grace, pause, hysteresis and duration; buckets of an hour.
/// </summary>
/// <param name="zone">The tenant's; null: UTC. Its days begin at midnight.</param>
internal sealed class QuotaOracle(TimeZoneInfo? zone = null)
{
    private const long Hour = 3600, Settles = 60;

    private sealed class Model
    {
        public required Quota Quota;
        public readonly SortedDictionary<(long Window, decimal Percent), (string State, long Since, decimal Amount)> States = [];
        public readonly List<string> Said = [];
    }

    private readonly Dictionary<string, Model> _models = [];
    private readonly List<(long Bucket, string Tenant, string Project, decimal Seconds)> _usage = [];

    /// <summary>Every transition of a quota, as <c>threshold former>state</c>.</summary>
    public IReadOnlyList<string> Said(string id) => _models[id].Said;

    /// <summary>What is in use now: the figure of a quota.</summary>
    public decimal Value(string id, long now) => IsRolling(_models[id].Quota) ? Rolling(_models[id].Quota, now) : Sum(_models[id].Quota, Window(_models[id].Quota, now).Start);

    public void Edit(string id, Quota quota, long now)
    {
        if (!_models.TryGetValue(id, out var model)) _models[id] = model = new Model { Quota = quota };
        var anew = model.Quota.Window != quota.Window;
        model.Quota = quota;
        foreach (var (key, state) in model.States.Where(pair => anew || !quota.Thresholds.Contains(pair.Key.Percent)).OrderBy(pair => (pair.Key.Window, pair.Value.Amount)).ToList())
        {
            model.States.Remove(key);
            if (state.State == "firing") Say(model, key.Percent, "firing", "resolved");
            if (state.State == "pending") Say(model, key.Percent, "pending", "ok");
        }

        Judge(model, now);
    }

    public void Use(long bucket, string tenant, string project, decimal seconds, long now)
    {
        var touched = _models.Values.Where(model => !IsRolling(model.Quota) && Counts(model.Quota, tenant, project)).Select(model => (model, Window: Window(model.Quota, bucket).Start)).ToList();
        var before = touched.ConvertAll(one => Sum(one.model.Quota, one.Window));
        _usage.Add((bucket, tenant, project, seconds));
        for (var i = 0; i < touched.Count; i++)
        {
            var (model, window) = touched[i];
            var after = Sum(model.Quota, window);
            if (model.Quota.Thresholds.Any(percent => before[i] < Amount(model.Quota, percent) && after >= Amount(model.Quota, percent))) JudgeWindow(model, window, now);
        }
    }

    public void Tick(long now)
    {
        foreach (var model in _models.Values) Judge(model, now);
    }

    private void Judge(Model model, long now)
    {
        if (IsRolling(model.Quota)) JudgeRolling(model, now);
        else foreach (var window in model.States.Where(pair => pair.Value.State != "resolved").Select(pair => pair.Key.Window).Append(Window(model.Quota, now).Start).Distinct().Order().ToList()) JudgeWindow(model, window, now);
    }

    // Fires once in a window, stays so until it ends, and then is resolved.
    private void JudgeWindow(Model model, long window, long now)
    {
        var (quota, value, end) = (model.Quota, Sum(model.Quota, window), Window(model.Quota, window).End);
        var closed = end + Settles <= now;
        foreach (var percent in quota.Thresholds.Order())
        {
            var amount = Amount(quota, percent);
            var isThere = model.States.TryGetValue((window, percent), out var known);
            if (!isThere)
            {
                if (value < amount || quota.Paused) continue;
                if (Hold(quota) == 0) Go(model, window, percent, "ok", "firing", now, amount);
                else if (!closed) Go(model, window, percent, "ok", "pending", now, amount);
                if (closed && Hold(quota) == 0) Go(model, window, percent, "firing", "resolved", now, amount);
            }
            else if (known.State == "pending")
            {
                if (value >= amount && !quota.Paused && known.Since + Hold(quota) <= Math.Min(now, end))
                {
                    Go(model, window, percent, "pending", "firing", now, amount);
                    if (closed) Go(model, window, percent, "firing", "resolved", now, amount);
                }
                else if (value < amount || closed) Leave(model, window, percent, "pending", "ok");
            }
            else if (known.State == "firing")
            {
                if (closed) Go(model, window, percent, "firing", "resolved", now, amount);
                else if (known.Amount != amount && value < amount) Leave(model, window, percent, "firing", "resolved");
                else model.States[(window, percent)] = known with { Amount = amount };
            }
        }
    }

    private void JudgeRolling(Model model, long now)
    {
        var (quota, value) = (model.Quota, Rolling(model.Quota, now));
        foreach (var percent in quota.Thresholds.Order())
        {
            var amount = Amount(quota, percent);
            var isThere = model.States.TryGetValue((0, percent), out var known);
            if (!isThere && value >= amount && !quota.Paused) Go(model, 0, percent, "ok", Hold(quota) == 0 ? "firing" : "pending", now, amount);
            else if (isThere && known.State == "pending" && value < amount) Leave(model, 0, percent, "pending", "ok");
            else if (isThere && known.State == "pending" && !quota.Paused && now - known.Since >= Hold(quota)) Go(model, 0, percent, "pending", "firing", now, amount);
            else if (isThere && known.State == "firing" && value < amount * (1 - quota.Hysteresis / 100)) Leave(model, 0, percent, "firing", "resolved");
        }
    }

    private static void Go(Model model, long window, decimal percent, string former, string state, long now, decimal amount)
    {
        model.States[(window, percent)] = (state, now, amount);
        Say(model, percent, former, state);
    }

    private static void Leave(Model model, long window, decimal percent, string former, string state)
    {
        model.States.Remove((window, percent));
        Say(model, percent, former, state);
    }

    private static void Say(Model model, decimal percent, string former, string state) => model.Said.Add($"{percent} {former}>{state}");

    private decimal Sum(Quota quota, long window) => _usage.Where(use => Counts(quota, use.Tenant, use.Project) && Window(quota, use.Bucket).Start == window).Sum(use => use.Seconds);

    private decimal Rolling(Quota quota, long now) => _usage.Where(use => Counts(quota, use.Tenant, use.Project) && use.Bucket >= now / Hour * Hour - Length(quota) + Hour).Sum(use => use.Seconds);

    private static bool Counts(Quota quota, string tenant, string project) => quota.Subject.Tenant == tenant && (quota.Subject.Project is null || quota.Subject.Project == project);

    private static bool IsRolling(Quota quota) => quota.Window.StartsWith("rolling", StringComparison.Ordinal);

    private static long Length(Quota quota) => long.Parse(quota.Window.AsSpan("rolling ".Length, quota.Window.Length - "rolling h".Length), System.Globalization.CultureInfo.InvariantCulture) * Hour;

    private (long Start, long End) Window(Quota quota, long at)
    {
        if (quota.Window == "hour") return (at / Hour * Hour, at / Hour * Hour + Hour);
        var local = zone ?? TimeZoneInfo.Utc;
        var day = TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeSeconds(at), local).Date;
        var monday = day.AddDays(-(((int)day.DayOfWeek + 6) % 7));
        var first = new DateTime(day.Year, day.Month, 1, 0, 0, 0, DateTimeKind.Unspecified);
        return quota.Window switch
        {
            "day" => (Midnight(day), Midnight(day.AddDays(1))),
            "week" => (Midnight(monday), Midnight(monday.AddDays(7))),
            _ => (Midnight(first), Midnight(first.AddMonths(1))),
        };

        long Midnight(DateTime date) => new DateTimeOffset(date, local.GetUtcOffset(date)).ToUnixTimeSeconds();
    }

    private static decimal Amount(Quota quota, decimal percent) => quota.Limit!.Value * percent / 100;

    private static long Hold(Quota quota) => (quota.For is null ? 0 : 1200) + (quota.Grace is null ? 0 : 600);
}
