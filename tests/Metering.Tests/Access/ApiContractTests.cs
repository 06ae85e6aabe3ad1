using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Enforcement;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>The API as its document, its page and its examples tell it.</summary>
[Collection(nameof(TwoTenants))]
public sealed class ApiContractTests(TwoTenants tenants)
{
    private static readonly string Golden = Path.Combine(RepositoryFiles.Root, "tests/Metering.Tests/Access/openapi.v1.approved.json");
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_api_document_is_as_it_was_approved()
    {
        var document = (JsonObject)JsonNode.Parse((await tenants.Service.GoodAsync("GET", "openapi/v1.json")).Text)!;
        document.Remove("servers");
        var text = document.ToJsonString(Indented) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Assert.True(Environment.GetEnvironmentVariable("CI") != "true", "UPDATE_GOLDEN is for a person who looks at the difference, not for CI.");
            await File.WriteAllTextAsync(Golden, text, Cancel);
        }

        var approved = File.Exists(Golden) ? await File.ReadAllTextAsync(Golden, Cancel) : "";
        if (approved == text) return;
        var (was, now) = (approved.Split('\n'), text.Split('\n'));
        var at = 0;
        while (at < Math.Min(was.Length, now.Length) && was[at] == now[at]) at++;
        Assert.Fail($"The API is not what {Path.GetRelativePath(RepositoryFiles.Root, Golden)} says, from line {at + 1} on:\n  was: {was.ElementAtOrDefault(at)}\n  is:  {now.ElementAtOrDefault(at)}\n" +
            "If clients can live with the change, run the test with UPDATE_GOLDEN=1 and commit the file; if not, bring the old shape back.");
    }

    [Fact]
    public async Task The_document_can_be_browsed()
    {
        var page = await tenants.Service.SendAsync("GET", "docs/index.html");
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.Status, page.Media));
        Assert.Equal(HttpStatusCode.OK, (await tenants.Service.SendAsync("GET", "docs/swagger-ui.css")).Status);
        Assert.DoesNotMatch("(src|href)=[\"'](https?:)?//", page.Text);
        Assert.Contains("/openapi/v1.json", (await tenants.Service.SendAsync("GET", "docs/index.js")).Text + page.Text);
    }

    [Fact]
    public async Task There_is_an_example_of_every_route_and_every_example_is_of_a_route()
    {
        var routes = await ApiOperation.AllAsync(tenants.Service);
        var calls = HttpCall.All();
        var missing = routes.Where(route => !calls.Any(call => call.Is(route))).Select(route => route.ToString()).ToList();
        Assert.True(missing.Count == 0, "requests.http has no call of " + string.Join(", ", missing));
        var unknown = calls.Where(call => call.Path is not ("/healthz" or "/readyz" or "/openapi/v1.json") && !routes.Any(call.Is)).Select(call => $"{call.Method} {call.Path}").ToList();
        Assert.True(unknown.Count == 0, "requests.http calls what is no route: " + string.Join(", ", unknown));
    }

    [Fact]
    public async Task Answers_that_are_known_are_not_sent_again()
    {
        foreach (var path in (string[])["v1/tenants", "v1/meters", "v1/price-books/acme-book/versions/1", "openapi/v1.json"])
        {
            var first = await tenants.Service.SendAsync("GET", path);
            var tag = first.Headers["ETag"];
            var second = await tenants.Service.SendAsync("GET", path, null, null, ("If-None-Match", "\"other\", " + tag));
            Assert.Equal((HttpStatusCode.NotModified, ""), (second.Status, second.Text));
            Assert.Equal(tag, second.Headers["ETag"]);
            Assert.Equal(HttpStatusCode.OK, (await tenants.Service.SendAsync("GET", path, null, null, ("If-None-Match", "\"other\""))).Status);
        }

        // The tag is of what the caller sees, and an error has none.
        var (mine, theirs) = (await tenants.Service.SendAsync("GET", "v1/tenants", key: tenants.Readers["acme"]), await tenants.Service.SendAsync("GET", "v1/tenants", key: tenants.Readers["globex"]));
        Assert.NotEqual(mine.Headers["ETag"], theirs.Headers["ETag"]);
        Assert.False((await tenants.Service.SendAsync("GET", "v1/tenants/nosuch")).Headers.ContainsKey("ETag"));
    }

    [Fact]
    public async Task Lists_come_by_pages_and_as_csv()
    {
        // Three that were undone, two of them begun at the same instant.
        var now = TimeProvider.System.GetUtcNow();
        await tenants.Service.Store.WriteAsync(async transaction =>
        {
            for (var i = 0; i < 3; i++)
            {
                await EnforcementLedger.BeginAsync(transaction, new EnforcementRow("page-" + i, "none", "shared-host", "/none", "cpu.max", 1, true, "a test", now.AddSeconds(-(i / 2)), null, null));
                await EnforcementLedger.ReleaseAsync(transaction, "page-" + i, "a test", now);
            }
        }, Cancel);
        foreach (var path in (string[])["v1/tenants", "v1/quotas", "v1/price-books", "v1/api-keys", $"v1/invoices/{tenants.Invoices["acme"]}/charges", "v1/periods", "v1/alerts", "v1/alerts/current", "v1/quotas/acme-cpu/history", "v1/webhooks/trail/deliveries", "v1/enforcement"])
        {
            var all = (await tenants.Service.GoodAsync("GET", path)).Json.EnumerateArray().Select(one => one.GetRawText()).ToList();
            Assert.True(all.Count > 0, path + " is empty.");
            var (read, cursor) = (new List<string>(), "");
            do
            {
                var page = await tenants.Service.GoodAsync("GET", $"{path}?limit=1{cursor}");
                read.Add(Assert.Single(page.Json.EnumerateArray()).GetRawText());
                cursor = page.Headers.TryGetValue("X-Next-Cursor", out var next) ? "&cursor=" + Uri.EscapeDataString(next) : "";
            }
            while (cursor.Length > 0 && read.Count <= all.Count);

            Assert.Equal(all.Count, read.Count);
            var csv = await tenants.Service.SendAsync("GET", path, null, null, ("Accept", "text/csv"));
            Assert.Equal("text/csv", csv.Media);
            Assert.Equal(all.Count + 1, csv.Text.TrimEnd().Split('\n').Length);
            foreach (var bad in (string[])["limit=0", "limit=x", "limit=10001", "cursor=x", "cursor=!"])
                Assert.Equal((HttpStatusCode.BadRequest, "urn:metering:problem:invalid-request"), await tenants.Service.SendAsync("GET", $"{path}?{bad}") is var answer ? (answer.Status, answer.Type) : default);
        }
    }

    [Fact]
    public async Task Whatever_is_a_list_comes_as_csv_too()
    {
        var month = tenants.Month;
        foreach (var path in (string[])[$"v1/usage?from={month}", $"v1/costs?from={month}", "v1/costs/forecast", $"v1/recommendations?from={month}", "v1/hosts", "v1/workloads", "v1/meters", "v1/live", "v1/audit", "v1/quarantine", "v1/reports", "v1/time-series/parked", "v1/tenants",
            "v1/price-books", "v1/quotas", "v1/quotas/acme-cpu/history", "v1/quota-plans", "v1/enforcement", "v1/periods", "v1/invoices", $"v1/invoices/{tenants.Invoices["acme"]}", $"v1/invoices/{tenants.Invoices["acme"]}/charges",
            "v1/alerts", "v1/alerts/current", "v1/webhooks", "v1/webhooks/trail/deliveries", "v1/silences", "v1/api-keys"])
        {
            var byAccept = await tenants.Service.SendAsync("GET", path, null, null, ("Accept", "text/csv"));
            var byFormat = await tenants.Service.SendAsync("GET", path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "format=csv");
            Assert.True((byAccept.Status, byAccept.Media) == (HttpStatusCode.OK, "text/csv"), $"{path}: {(int)byAccept.Status} {byAccept.Media}");
            Assert.True((byFormat.Status, byFormat.Media) == (HttpStatusCode.OK, "text/csv"), $"{path}: {(int)byFormat.Status} {byFormat.Media}");
        }
    }

    [Fact]
    public async Task What_is_no_route_and_no_method_is_told_with_the_remedy()
    {
        foreach (var (method, path, status, told) in new[] { ("GET", "v1/nosuch", 404, "/docs"), ("GET", "nosuch.php", 404, "/docs"), ("PATCH", "v1/tenants/acme", 405, "GET, PUT"), ("POST", "v1/tenants", 405, "GET"), ("PUT", "v1/tenants/acme", 415, "application/json") })
        {
            var answer = await tenants.Service.SendAsync(method, path, status == 415 ? new StringContent("x", System.Text.Encoding.UTF8, "text/plain") : null);
            Assert.Equal(status, (int)answer.Status);
            Assert.StartsWith("urn:metering:problem:", answer.Type, StringComparison.Ordinal);
            Assert.Contains(told, answer.Json.GetProperty("detail").GetString());
        }
    }

    [Fact]
    public async Task An_amount_is_a_number_wherever_it_is_told()
    {
        var charge = (await tenants.Service.GoodAsync("GET", $"v1/invoices/{tenants.Invoices["acme"]}/charges?limit=1")).Json[0];
        var line = (await tenants.Service.GoodAsync("GET", $"v1/invoices/{tenants.Invoices["acme"]}")).Json.GetProperty("lines")[0];
        var explained = (await tenants.Service.GoodAsync("GET", $"v1/charges/{tenants.Charges["acme"]}/explain")).Json;
        foreach (var cost in (JsonElement[])[charge.GetProperty("cost"), line.GetProperty("cost"), explained.GetProperty("cost")]) Assert.Equal(JsonValueKind.Number, cost.ValueKind);
    }

    [Fact]
    public async Task Every_operation_of_the_document_says_what_it_is_and_what_it_answers()
    {
        var document = (await tenants.Service.GoodAsync("GET", "openapi/v1.json")).Json;
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                Assert.True(operation.Value.TryGetProperty("summary", out var summary) && summary.GetString() is { Length: >= 8 }, $"{operation.Name} {path.Name} has no summary.");
                Assert.True(operation.Value.GetProperty("responses").EnumerateObject().Any(one => one.Name.StartsWith('2')), $"{operation.Name} {path.Name} has no answer.");
                foreach (var one in operation.Value.GetProperty("responses").EnumerateObject().Where(one => one.Name is "200" or "201")) Assert.True(one.Value.TryGetProperty("content", out _), $"{operation.Name} {path.Name} does not say what {one.Name} holds.");
            }
        }
    }

    [Fact]
    public async Task The_same_request_at_the_same_time_is_carried_out_once()
    {
        var key = ("Idempotency-Key", "at-once");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => tenants.Service.SendAsync("POST", "v1/api-keys", """{"role":"agent","host":"at-once-host"}""", null, key)));
        Assert.All(answers, answer => Assert.True(answer.Status is HttpStatusCode.Created || (answer.Status is HttpStatusCode.Conflict && answer.Headers.ContainsKey("Retry-After")), $"{(int)answer.Status} {answer.Text}"));
        Assert.Single((await tenants.Service.GoodAsync("GET", "v1/api-keys")).Json.EnumerateArray(), one => one.GetProperty("host").GetString() == "at-once-host");
        Assert.Single(answers, answer => answer.Text.Contains("\"secret\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_request_that_is_sent_twice_is_carried_out_once()
    {
        var key = ("Idempotency-Key", "order-4711");
        var body = """{"role":"agent","host":"idempotent-host"}""";
        var first = await tenants.Service.SendAsync("POST", "v1/api-keys", body, null, key);
        var second = await tenants.Service.SendAsync("POST", "v1/api-keys", body, null, key);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (first.Status, second.Status));
        Assert.Equal("true", second.Headers["Idempotency-Replayed"]);
        Assert.Equal(first.Json.GetProperty("id").GetString(), second.Json.GetProperty("id").GetString());
        Assert.Equal(first.Headers["Location"], second.Headers["Location"]);
        Assert.True(first.Json.TryGetProperty("secret", out _));
        Assert.False(second.Json.TryGetProperty("secret", out _));

        var other = await tenants.Service.SendAsync("POST", "v1/api-keys", """{"role":"agent","host":"another"}""", null, key);
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "urn:metering:problem:idempotency-key-reused"), (other.Status, other.Type));
        var wrong = ("Idempotency-Key", new string('x', 201));
        Assert.Equal(HttpStatusCode.BadRequest, (await tenants.Service.SendAsync("POST", "v1/api-keys", body, null, wrong)).Status);

        // Of another principal it is another key.
        Assert.Equal(HttpStatusCode.Forbidden, (await tenants.Service.SendAsync("POST", "v1/api-keys", body, tenants.Readers["acme"], key)).Status);
        Assert.Single((await tenants.Service.GoodAsync("GET", "v1/api-keys")).Json.EnumerateArray(), one => one.GetProperty("host").GetString() == "idempotent-host");
    }
}
