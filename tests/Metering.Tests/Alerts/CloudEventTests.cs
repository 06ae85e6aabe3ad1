using System.Text;
using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class CloudEventTests
{
    private static readonly QuotaCrossed Crossing = new()
    {
        Quota = "q-1",
        Subject = new Dictionary<string, string> { ["tenant"] = "a", ["project"] = "\"p\"\n" },
        Meter = "cpuSeconds",
        WindowStart = new DateTimeOffset(2026, 10, 1, 2, 0, 0, TimeSpan.FromHours(2)),
        WindowEnd = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero),
        Threshold = 80,
        Limit = 100.5m,
        Value = 12345678901234567890.000001m,
        State = "exceeded",
        Kind = "forecast",
        Severity = "critical",
        Labels = new Dictionary<string, string> { ["team"] = "web" },
        Transition = 7,
        PredictedAt = new DateTimeOffset(2026, 10, 20, 0, 0, 0, TimeSpan.Zero),
    };

    [Fact]
    public void The_body_of_a_crossing_is_a_structured_cloud_event()
    {
        var body = CloudEvent.Write("evt_1", "/metering/eu", new DateTimeOffset(2026, 10, 9, 12, 0, 0, 500, TimeSpan.Zero), Crossing);

        Assert.Equal(
            """
            {"specversion":"1.0","id":"evt_1","source":"/metering/eu","type":"metering.quota.crossed","subject":"q-1","time":"2026-10-09T12:00:00.5Z",
            "datacontenttype":"application/json","data":{"quota":"q-1","subject":{"project":"\u0022p\u0022\n","tenant":"a"},"meter":"cpuSeconds",
            "window":{"start":"2026-10-01T00:00:00Z","end":"2026-11-01T00:00:00Z"},
            "threshold":80,"limit":100.5,"value":12345678901234567890.000001,"state":"exceeded","kind":"forecast",
            "thresholdIn":"percent","direction":"above","severity":"critical","labels":{"team":"web"},"transition":7,"predictedAt":"2026-10-20T00:00:00Z",
            "type":"quota","since":"2026-10-09T12:00:00.5Z"}}
            """.ReplaceLineEndings(""),
            Encoding.UTF8.GetString(body));
    }

    [Fact]
    public void An_event_that_receivers_would_refuse_for_its_size_is_not_made()
    {
        var large = Crossing with { State = new string('x', CloudEvent.MaxBytes) };

        Assert.Throws<ArgumentException>(() => CloudEvent.Write("evt_1", "/metering", DateTimeOffset.UnixEpoch, large));
    }
}
