using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>A token becomes an agent's own key once, and a key is rotated while the agent goes on.</summary>
public sealed class EnrolmentTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_enrolls_with_a_token_that_is_good_once_and_meters_with_a_key_of_its_own()
    {
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING_SCRAPE_KEY"] = "first-scrape-key-0123456789" });
        await service.StartReadyAsync(Cancel);
        using var data = new TestDirectory();
        var token = await TokenAsync(service, new { role = "enroll", host = "newcomer" });

        // By standard input, so that it is in no list of processes.
        var said = await ChildProcess.RunAsync(AgentProcess.Program, ["enroll", "--url", service.Url, "--data", data.Path], Limit, Cancel, input: token + "\n");
        Assert.Contains("enrolled as host newcomer", said, StringComparison.Ordinal);
        Assert.DoesNotContain(token, said, StringComparison.Ordinal);
        var file = data.File("enrolment.json");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var key = JsonDocument.Parse(await File.ReadAllTextAsync(file, Cancel)).RootElement.GetProperty("Agent").GetProperty("Key").GetString()!;

        // Nobody gets a second key for it, and what is there stays.
        said = await ChildProcess.RunAsync(AgentProcess.Program, ["enroll", "--url", service.Url, "--data", data.Path], Limit, Cancel, input: token + "\n", exitCode: 1);
        Assert.Contains("refuses the token", said, StringComparison.Ordinal);
        Assert.Contains(key, await File.ReadAllTextAsync(file, Cancel), StringComparison.Ordinal);

        // Nothing else is told to the agent: host, address and key are what enrolment wrote.
        await using var agent = ChildProcess.Start(AgentProcess.Program, ["--data", data.Path, "--interval", "500ms"]);
        await agent.WaitUntilAsync(async cancel => (await service.GetAsync("v1/usage?groupBy=host", cancel)).GetRawText().Contains("\"newcomer\"", StringComparison.Ordinal), "it was metered", Limit, Cancel);

        // The key is an agent's, of this host: it reads nothing, and the audit has its making.
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(service, key, HttpMethod.Get, "v1/usage"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(service, key, HttpMethod.Post, "v1/agents/enroll"));
        Assert.Contains("agent.enrol", (await service.GetAsync("v1/audit", Cancel)).GetRawText(), StringComparison.Ordinal);

        // Rotated: another token, another key, the old one revoked; the agent that still has the old one ships no more until it starts again.
        var old = (await service.GetAsync("v1/api-keys", Cancel)).EnumerateArray().Single(one => one.GetProperty("role").GetString() == "agent").GetProperty("id").GetString();
        await ChildProcess.RunAsync(AgentProcess.Program, ["enroll", "--url", service.Url, "--data", data.Path], Limit, Cancel, input: await TokenAsync(service, new { role = "enroll", host = "newcomer", expires = TimeProvider.System.GetUtcNow().AddDays(1) }) + "\n");
        using (var revoked = await service.Client.DeleteAsync(new Uri($"v1/api-keys/{old}", UriKind.Relative), Cancel)) Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        await agent.WaitForLineAsync("refuses the agent's key", Limit, Cancel);
        agent.Terminate();
        await agent.WaitForExitAsync(Limit, Cancel);
        var before = await LastAsync(service);
        await using var again = ChildProcess.Start(AgentProcess.Program, ["--data", data.Path, "--interval", "500ms"]);
        await again.WaitUntilAsync(async _ => string.CompareOrdinal(await LastAsync(service), before) > 0, "it shipped with the new key", Limit, Cancel);

        // The key that Prometheus was given before the first start.
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(service, "first-scrape-key-0123456789", HttpMethod.Get, "metrics"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(service, "first-scrape-key-0123456789", HttpMethod.Get, "v1/usage"));
        service.SaidNoStackTrace();
    }

    [Fact]
    public async Task A_token_needs_a_host_and_ends_and_does_nothing_but_enroll()
    {
        await using var service = ServiceProcess.Service();
        await service.StartReadyAsync(Cancel);

        foreach (var wrong in new object[] { new { role = "enroll" }, new { role = "enroll", host = "a", expires = TimeProvider.System.GetUtcNow().AddDays(8) } })
        {
            using var refused = await service.Client.PostAsync(new Uri("v1/api-keys", UriKind.Relative), new StringContent(JsonSerializer.Serialize(wrong), MediaTypeHeaderValue.Parse("application/json")), Cancel);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
        }

        var made = await service.SendAsync(HttpMethod.Post, "v1/api-keys", new { role = "enroll", host = "a" }, Cancel);
        Assert.InRange(made.GetProperty("expiresAt").GetDateTimeOffset() - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
        var token = made.GetProperty("secret").GetString()!;
        foreach (var path in new[] { "v1/usage", "v1/api-keys", "v1/hosts", "metrics" }) Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(service, token, HttpMethod.Get, path));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(service, "mtr_enroll_x", HttpMethod.Post, "v1/agents/enroll"));

        // Of many at once, one.
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StatusAsync(service, token, HttpMethod.Post, "v1/agents/enroll")));
        Assert.Single(answers, HttpStatusCode.OK);
    }

    private static async Task<string> TokenAsync(ServiceProcess service, object body) => (await service.SendAsync(HttpMethod.Post, "v1/api-keys", body, Cancel)).GetProperty("secret").GetString()!;

    private static async Task<string> LastAsync(ServiceProcess service) => (await service.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("lastWindowEnd").GetString()!;

    private static async Task<HttpStatusCode> StatusAsync(ServiceProcess service, string key, HttpMethod method, string path)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(method, new Uri(service.Url + "/" + path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await client.SendAsync(request, Cancel);
        return response.StatusCode;
    }
}
