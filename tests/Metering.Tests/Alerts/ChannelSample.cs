using System.Text.Json;
using Metering.Service.Alerts;
using Metering.Service.Alerts.Channels;
using Metering.Service.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Tests.Alerts;

/// <summary>A catalogue with its settings, and events as the outbox records them.</summary>
internal sealed class ChannelSample : IDisposable
{
    public const string RoutingKey = "0123456789abcdef0123456789ABCDEF";
    public static readonly WebhookSecret Secret = WebhookSecret.Generate();
    public static readonly DateTimeOffset Now = new(2026, 11, 3, 12, 0, 0, TimeSpan.Zero);

    private static readonly QuotaCrossed Crossing = new()
    {
        Quota = "team-cpu", Subject = new Dictionary<string, string> { ["tenant"] = "acme <&>" }, Meter = "cpuSeconds", WindowStart = Now.AddDays(-2), WindowEnd = Now.AddDays(28), Threshold = 100, Limit = 200,
        Value = 250.5m, State = "firing", Labels = new Dictionary<string, string> { ["team-name"] = "*data*" }, Transition = 3, Severity = "critical",
    };

    private readonly WebhookSender _sender;

    public ChannelSample(TimeSpan? timeout = null, bool isLoopbackAllowed = true, TimeProvider? clock = null, params string[][] answers)
    {
        AddressPolicy.TryCreate(isLoopbackAllowed ? ["127.0.0.1"] : [], out var policy, out _);
        var resolver = new FakeResolver(answers.Length > 0 ? answers : [["127.0.0.1"]]);
        var patience = timeout ?? TimeSpan.FromSeconds(30);
        Directory = System.IO.Directory.CreateTempSubdirectory("metering-channels-").FullName;
        _sender = new WebhookSender(policy, resolver, TimeProvider.System, patience, NullLogger<WebhookSender>.Instance);
        Catalogue = new ChannelCatalogue(_sender, policy, new GuardedConnector(policy, resolver), new AlertsOptions { LogDirectory = Path.Combine(Directory, "logs"), TimeoutSeconds = patience.TotalSeconds }, clock ?? new FixedClock(Now));
    }

    public string Directory { get; }

    public ChannelCatalogue Catalogue { get; }

    public static AlertMessage Firing => One("firing");

    public static AlertMessage Resolved => One("resolved");

    /// <summary>As if it happened at another time; it fires since five minutes before.</summary>
    public static AlertMessage At(string state, DateTimeOffset time) => One(state, time: time);

    /// <summary>Two alerts in one message: what fires and what is over.</summary>
    public static AlertMessage Group => AlertMessage.Read("grp_1", CloudEvent.Write("grp_1", "/metering", CloudEvent.AlertsType, "tenant=acme", Now, data =>
    {
        data.WriteStartArray("alerts");
        foreach (var state in new[] { "firing", "resolved" })
        {
            var body = JsonSerializer.Deserialize<JsonElement>(One(state, "q-" + state).Body.Span);
            data.WriteStartObject();
            foreach (var name in new[] { "id", "type", "subject", "time", "data" }) body.GetProperty(name).WriteAs(data, name);
            data.WriteEndObject();
        }

        data.WriteEndArray();
    }));

    public static AlertMessage Test => AlertMessage.Read("test_1", Outbox.Test("test_1", Now));

    public static AlertMessage Report => AlertMessage.Read("report-a-1", CloudEvent.Write("report-a-1", "/metering", CloudEvent.ReportReadyType, "costs", Now, data => data.WriteString("path", "/v1/reports/costs/runs/1")));

    /// <summary>Settings that a channel takes, with where it sends to.</summary>
    public static EndpointSettings Settings(string channel, string url, string server = "127.0.0.1:2525") => channel switch
    {
        "email" => new EndpointSettings { Channel = channel, Server = server, Security = "none", From = "metering@example.com", To = ["ops@example.com", "Team <team@example.com>"] },
        "log" => new EndpointSettings { Channel = channel, File = "alerts.jsonl" },
        "pagerduty" => new EndpointSettings { Channel = channel, Url = url, RoutingKey = RoutingKey },
        _ => new EndpointSettings { Channel = channel, Url = url },
    };

    public static ChannelTarget Target(EndpointSettings settings) => new("ops", settings, [Secret]);

    public void Dispose()
    {
        _sender.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static AlertMessage One(string state, string quota = "team-cpu", DateTimeOffset? time = null)
    {
        var fact = AlertFact.Of($"qc_{quota}_{state}", "acme <&>", Crossing with { State = state, Quota = quota });
        return AlertMessage.Read(fact.EventId, CloudEvent.Write(fact.EventId, "/metering", fact.EventType, fact.Subject, time ?? Now, data => fact.Data(data, (time ?? Now).AddMinutes(-5))));
    }
}
