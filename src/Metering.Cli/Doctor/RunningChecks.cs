using System.Globalization;
using System.Text.Json;
using Metering.Agent;
using Metering.Agent.Accounting;
using Metering.Cli.Client;
using Metering.Cli.Top;
using Metering.Configuration;
using Metering.Safety;

namespace Metering.Cli.Doctor;

/// <summary>What the running service knows of this host, and what the running agent met; each with what to do about it.</summary>
internal sealed class RunningChecks(Settings settings, string dataDirectory, TimeProvider clock)
{
    private static readonly TimeSpan Old = TimeSpan.FromMinutes(2);

    /// <summary>Nothing when there is no key or the service does not know this host, but a line that says so.</summary>
    public async Task<List<Check>> RunAsync(string? url, string? key, CancellationToken cancel)
    {
        var checks = new List<Check>();
        try
        {
            using var client = ApiClient.Create(url, key, dataDirectory);
            var host = (await LocalHost.FindAsync(client, dataDirectory, cancel)).Host;
            checks.AddRange(Facts(host));
            if (await AgentAsync(client, cancel) is { } agent) checks.Add(agent);
            else if (Text(host, "degraded") is { } degraded) checks.Add(Check.Warning("agent", $"the last pass was degraded: {degraded}", "its log says what to do"));
        }
        catch (Exception e) when (e is UserErrorException or HttpRequestException or JsonException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            checks.Add(Check.Ok("metering", "not asked: " + e.Message));
        }

        return checks;
    }

    private IEnumerable<Check> Facts(JsonElement host)
    {
        var age = clock.GetUtcNow() - host.GetProperty("lastWindowEnd").GetDateTimeOffset();
        var finding = string.Create(CultureInfo.InvariantCulture, $"host {Tables.Text(host, "host")}, the ledger's newest window ended {Math.Max(0, age.TotalSeconds):0} s ago");
        yield return age > Old ? Check.Warning("metering", finding, "the agent is stopped, or its batches wait; look at its log and at 'agent' below") : Check.Ok("metering", finding);

        var alarms = AlarmText.Of(host);
        yield return alarms.Length == 0 ? Check.Ok("conservation", "every parent and its children add up; no fork, gap, refusal or quarantine")
            : Broken(host) ? Check.Failure("conservation", alarms, "run 'metering verify', and do not close the period before it is understood")
            : Check.Warning("conservation", alarms, "a gap closes when the agent sends again; 'metering verify' lists what is in quarantine and why");
        if (Number(host, "beforeMeteringCpuSeconds") is { } before) yield return Check.Ok("before metering", string.Create(CultureInfo.InvariantCulture, $"{before:#,##0.0} CPU s were used before the first pass found them; they are not billed"));
        if (host.TryGetProperty("availability", out var meters) && Text(meters, "io") is { } io && io.StartsWith("partial: ", StringComparison.Ordinal))
            yield return Check.Warning("partial I/O", io["partial: ".Length..], "'availability.io' in GET /v1/workloads names them; what their file servers count can be billed there");
        if (Number(host, "estimatedShare") is { } estimated)
        {
            var text = $"{Share(estimated)} of the CPU time of the last two hours was split by time";
            yield return estimated > 0.01m ? Check.Warning("estimated", text, "sums are exact, the split is not; keep passes on the bounds of buckets (no pauses, Agent:Interval of 10s or less)") : Check.Ok("estimated", text);
        }

        if (Number(host, "unscrapedShare") is { } unscraped) yield return Check.Ok("unscraped", $"{Share(unscraped)} of it is billed here and would have been missed by a scraper with an interval of 15 s");
        if (Number(host, "coverage") is { } coverage && coverage < 0.99m) yield return Check.Warning("coverage", $"{Share(coverage)} of the last day was metered", "the rest is a reboot, or time before the agent could store; its log tells");
    }

    private static bool Broken(JsonElement host) =>
        host.TryGetProperty("alarms", out var alarms) && new[] { "conservationFailures", "readingFailures", "chainBreaks", "forks", "refused" }.Any(name => alarms.GetProperty(name).GetInt64() > 0);

    // The agent's own counters: of 'up' beside the service's, of an agent process where it is told to show them.
    private async Task<Check?> AgentAsync(ApiClient client, CancellationToken cancel)
    {
        string text;
        if (AgentOptions.MetricsUrlOf(settings) is { } own)
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            text = await http.GetStringAsync(new Uri(own, "/metrics"), cancel);
        }
        else if (client.Url.IsLoopback)
        {
            text = await client.GetTextAsync("metrics", cancel);
        }
        else
        {
            return null;
        }

        return Agent(Values(text));
    }

    /// <summary>What the agent's counters say; null when they are none of an agent.</summary>
    internal static Check? Agent(IReadOnlyDictionary<string, double> values)
    {
        if (!values.TryGetValue("passes_total", out var passes)) return null;
        (string Metric, string What, string Remedy)[] degraded =
        [
            ("conservation_failures_total", "readings that do not add up", "run 'metering verify'"),
            ("trouble", "something keeps passes from the journal or batches from the ledger", "the agent's log says what"),
            ("unwatched_directories_total", "visits to cgroups that could not be watched and were listed", "sysctl fs.inotify.max_user_watches=1048576"),
            ("event_overflows_total", "overflows of the kernel's event queue, each of which cost a rescan", "sysctl fs.inotify.max_queued_events=65536"),
            ("read_errors_total", "files that could not be opened or read, so that their use is their parent's", "look at the kernel's log when neither of these is the reason"),
            ("no_descriptors_total", "times that there was no descriptor left to open one", "give the agent descriptors (LimitNOFILE=65536)"),
            ("unreadable_total", "times that one may not be read", "run the agent as root"),
            ("tree_gone_total", "times that the tree was not mounted where it was", "mount it again, or restart the agent with the new mount point"),
            ("malformed_total", "files that were not understood", "report the kernel's version with the file's text"),
            ("names_over_bound_total", "cgroups beyond Agent:MaxWorkloadsPerParent, billed to their parent", "raise Agent:MaxWorkloadsPerParent if they are meant"),
        ];
        var met = degraded.Where(entry => values.GetValueOrDefault(entry.Metric) > 0).ToList();
        var states = DegradedState.All.Where(state => values.GetValueOrDefault("degraded:" + state.Reason) > 0).ToList();
        var finding = string.Create(CultureInfo.InvariantCulture, $"{passes:#,##0} passes, {values.GetValueOrDefault("cgroups"):#,##0} cgroups, last pass {values.GetValueOrDefault("lag_seconds"):0} s ago, {values.GetValueOrDefault("unshipped_batches"):#,##0} batches to ship");
        if (states.Count > 0)
            return Check.Warning("agent", $"{finding}; the last pass was degraded: {string.Join("; ", states.Select(state => $"{state.Reason}, {state.Meaning}"))}", string.Join("; ", states.Select(state => state.Remedy)));
        if (met.Count == 0) return Check.Ok("agent", finding);
        return Check.Warning("agent", finding + string.Concat(met.Select(entry => string.Create(CultureInfo.InvariantCulture, $"; {values[entry.Metric]:#,##0} {entry.What}"))), string.Join("; ", met.Select(entry => entry.Remedy)));
    }

    /// <summary>The agent's samples of a Prometheus text, by name without <c>metering_agent_</c>.</summary>
    internal static Dictionary<string, double> Values(string text)
    {
        const string Prefix = "metering_agent_";
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            if (!line.StartsWith(Prefix, StringComparison.Ordinal) || line.Split(' ') is not [var name, var number, ..]) continue;
            if (double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)) values[Key(name[Prefix.Length..])] = value;
        }

        return values;
    }

    // A gauge per reason is known by name and reason.
    private static string Key(string name) => name.Split('{') is [var plain, var labels] ? (labels.Split('"') is ["reason=", var reason, ..] ? $"{plain}:{reason}" : plain) : name;

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static decimal? Number(JsonElement host, string name) => host.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDecimal() : null;

    private static string Share(decimal share) => (share * 100).ToString("0.###", CultureInfo.InvariantCulture) + " %";
}
