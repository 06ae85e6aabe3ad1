using Metering.Tests.Access;
using Xunit;

namespace Metering.Tests.Alerts;

/// <summary>Endpoints and plans of one file take effect together or not at all, and what is wrong is told at once: over HTTP, as the command line does it.</summary>
public sealed class EndpointApplyTests(EndpointApplyTests.Running running) : IClassFixture<EndpointApplyTests.Running>
{
    private readonly RunningService _service = running.Service;

    /// <summary>One service for all of them.</summary>
    public sealed class Running : IAsyncLifetime
    {
        internal RunningService Service { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Service = await RunningService.StartAsync();

        public ValueTask DisposeAsync() => Service.DisposeAsync();
    }

    [Fact]
    public async Task Endpoints_and_plans_of_one_file_are_put_together_or_not_at_all_and_every_fault_is_told_by_its_place()
    {
        var refused = await ApplyAsync("v1/webhooks/apply",
            ("ops", """{"url":"https://hooks.example.com/x"}"""),
            ("bad", """{"url":"gopher://u:p@hooks.example.com:22/","secret":"whsec_short","nonsense":1}"""),
            ("no id!", """{"channel":"fax"}"""));
        Assert.Equal(422, (int)refused.Status);
        foreach (var fault in (string[])["documents[1].nonsense", "documents[1].secret", "documents[1].url", "documents[2]", "documents[2].channel"]) Assert.Contains(Faults(refused), told => told.Split(' ')[0] == fault);
        Assert.DoesNotContain(Faults(refused), told => told.StartsWith("documents[0]", StringComparison.Ordinal));
        Assert.Equal("[]", (await _service.GoodAsync("GET", "v1/webhooks")).Text);

        // Only a check changes nothing; the secret of each is shown once.
        (string, string)[] sound = [("ops", """{"url":"https://hooks.example.com/x"}"""), ("trail", """{"channel":"log","file":"a.jsonl"}""")];
        Assert.Equal(204, (int)(await ApplyAsync("v1/webhooks/apply?check=true", sound)).Status);
        Assert.Equal("[]", (await _service.GoodAsync("GET", "v1/webhooks")).Text);
        var made = (await ApplyAsync("v1/webhooks/apply", sound)).Json;
        Assert.StartsWith("whsec_", made[0].GetProperty("secret").GetString(), StringComparison.Ordinal);
        Assert.Equal((2, false), (made.GetArrayLength(), made[1].TryGetProperty("secret", out _)));
        var again = (await ApplyAsync("v1/webhooks/apply", sound)).Json;
        Assert.All(again.EnumerateArray(), one => Assert.Equal((false, false), (one.GetProperty("changed").GetBoolean(), one.TryGetProperty("secret", out _))));

        refused = await ApplyAsync("v1/quota-plans/apply", ("gold", """{"limits":{"cpu":10}}"""), ("tin", """{"limits":{"cpu":0,"a b":1}}"""), ("lead", """{"limits":{}}"""));
        Assert.Equal(["documents[1].limits.a", "documents[1].limits.cpu", "documents[2].limits"], Faults(refused).Select(fault => fault.Split(' ')[0]).Order(StringComparer.Ordinal));
        Assert.Equal("[]", (await _service.GoodAsync("GET", "v1/quota-plans")).Text);
        Assert.Equal(204, (int)(await ApplyAsync("v1/quota-plans/apply", ("gold", """{"limits":{"cpu":10}}"""), ("tin", """{"limits":{"cpu":5}}"""))).Status);
        Assert.Equal(2, (await _service.GoodAsync("GET", "v1/quota-plans")).Json.GetArrayLength());

        // Deliveries of a stretch of time; one that ends before it begins is refused.
        await _service.GoodAsync("POST", "v1/webhooks/trail/test");
        Assert.Equal(1, (await _service.GoodAsync("GET", "v1/webhooks/trail/deliveries?since=2020-01-01T00:00:00Z")).Json.GetArrayLength());
        Assert.Equal(0, (await _service.GoodAsync("GET", "v1/webhooks/trail/deliveries?until=2020-01-01T00:00:00Z")).Json.GetArrayLength());
        Assert.Equal(400, (int)(await _service.SendAsync("GET", "v1/webhooks/trail/deliveries?since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z")).Status);
        Assert.Equal(400, (int)(await _service.SendAsync("POST", "v1/webhooks/trail/redeliver")).Status);
    }

    [Theory]
    [InlineData("v1/webhooks/w", """{"url":"https://user:secret@hooks.example.com/"}""", "user name")]
    [InlineData("v1/webhooks/w", """{"url":"https://hooks.example.com:22/"}""", "Port 22 is not allowed")]
    [InlineData("v1/webhooks/w", """{"url":"file:///etc/passwd"}""", "http")]
    [InlineData("v1/webhooks/w", """{"url":"https://hooks.example.com/","secret":"hunter2"}""", "secret")]
    [InlineData("v1/webhooks/w", """{"url":"http://169.254.169.254:22/","secret":"x","groupWait":"2h"}""", "link-local", "secret", "groupWait")]
    [InlineData("v1/quotas/q", """{"subject":{"fleet":true},"meter":"cpuHours","limit":1}""", "'cpuHours' is unknown")]
    [InlineData("v1/quotas/q", """{"subject":{"fleet":true},"meter":"cpuSeconds","window":"fortnight","limit":1}""", "'fortnight' is impossible")]
    [InlineData("v1/quotas/q", """{"subject":{"fleet":true},"meter":"cpuSeconds","limit":0}""", "limit 0 is out of range")]
    [InlineData("v1/quotas/q", """{"subject":{"fleet":true},"meter":"cpuSeconds","limit":-1}""", "limit -1 is out of range")]
    [InlineData("v1/quotas/q", """{"subject":{"tenant":"nobody"},"meter":"x","window":"year","limit":0,"notify":["pager"]}""", "subject.tenant", "meter", "window", "limit", "notify[0]")]
    public async Task Bad_input_is_422_with_all_faults(string path, string body, params string[] faults)
    {
        var answer = await _service.SendAsync("PUT", path, body);

        Assert.True((int)answer.Status == 422, answer.Text);
        Assert.All(faults, fault => Assert.Contains(Faults(answer), told => told.Contains(fault, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_id_that_differs_from_another_by_case_alone_is_422()
    {
        await _service.GoodAsync("PUT", "v1/quotas/cpu", """{"subject":{"fleet":true},"meter":"cpuSeconds","limit":1}""");

        var answer = await _service.SendAsync("PUT", "v1/quotas/CPU", """{"subject":{"fleet":true},"meter":"cpuSeconds","limit":1}""");

        Assert.True((int)answer.Status == 422, answer.Text);
    }

    private Task<RunningService.Answer> ApplyAsync(string path, params (string Id, string Body)[] documents) =>
        _service.SendAsync("POST", path, $$"""{"documents":[{{string.Join(',', documents.Select(one => $$"""{"id":"{{one.Id}}","body":{{one.Body}}}"""))}}]}""");

    private static IReadOnlyList<string> Faults(RunningService.Answer answer) => [.. answer.Json.GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()!)];
}
