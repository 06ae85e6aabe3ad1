using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Every route of the API document with what nobody should send: it is refused with a problem of ours, and the service lives on.</summary>
public sealed class BadInputTests(TwoTenants tenants) : IClassFixture<TwoTenants>
{
    private const string Hostile = "<script>alert(1)</script>'\"\u001b[31m=cmd()";

    [Fact]
    public async Task Bodies_that_are_none_are_refused()
    {
        var deep = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 5_000)) + "1" + new string('}', 5_000));
        (string What, byte[] Body, string Type)[] bodies =
        [
            ("nothing", [], "application/json"), ("a list", "[]"u8.ToArray(), "application/json"), ("a number", "1"u8.ToArray(), "application/json"), ("a text", "\"x\""u8.ToArray(), "application/json"),
            ("null", "null"u8.ToArray(), "application/json"), ("cut short", "{\"a\":"u8.ToArray(), "application/json"), ("an unknown field", "{\"nosuchfield\":1}"u8.ToArray(), "application/json"),
            ("too deep", deep, "application/json"), ("deep lists", [.. Enumerable.Repeat((byte)'[', 100_000)], "application/json"), ("invalid UTF-8", [(byte)'{', (byte)'"', 0xff, 0xfe, (byte)'"', (byte)':', (byte)'1', (byte)'}'], "application/json"),
            ("UTF-16", Encoding.Unicode.GetBytes("{\"a\":1}"), "application/json"), ("no JSON", "<a/>"u8.ToArray(), "application/xml"), ("plain text", "x"u8.ToArray(), "text/plain"), ("a form", "a=1"u8.ToArray(), "application/x-www-form-urlencoded"),
        ];
        foreach (var route in await WithBodyAsync())
        {
            foreach (var (what, body, type) in bodies)
            {
                // Bodies that may be left out, or hold nothing that is asked for.
                if (what is "nothing" or "null" && route.Path is "/v1/periods/{period}/close" or "/v1/enforcement/release") continue;
                var answer = await SendAsync(route, body, type);
                Assert.True((int)answer.Status is >= 400 and < 500 && answer.Type.StartsWith("urn:metering:problem:", StringComparison.Ordinal), $"{route} with {what}: {(int)answer.Status} {answer.Media} {answer.Text}");
                Assert.DoesNotContain("   at ", answer.Text, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Fields_of_another_type_are_refused()
    {
        var document = (await tenants.Service.GoodAsync("GET", "openapi/v1.json")).Json;
        var checkedFields = 0;
        foreach (var route in await WithBodyAsync())
        {
            var operation = document.GetProperty("paths").GetProperty(route.Path).GetProperty(route.Method.ToLowerInvariant());
            if (!operation.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out var content)) continue;
            foreach (var field in Fields(document, content.GetProperty("schema")))
            {
                var answer = await SendAsync(route, Encoding.UTF8.GetBytes($"{{\"{field}\":{{\"a\":[{{}}]}}}}"), "application/json");
                Assert.True((int)answer.Status is >= 400 and < 500 && answer.Type.Length > 0, $"{route} with an object as {field}: {(int)answer.Status} {answer.Text}");
                checkedFields++;
            }
        }

        Assert.True(checkedFields > 40, $"Only {checkedFields} fields were tried.");
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused()
    {
        foreach (var route in await WithBodyAsync())
        {
            try
            {
                var answer = await SendAsync(route, new byte[10 << 20], "application/json");
                Assert.True(answer.Status is HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.BadRequest, $"{route}: {(int)answer.Status} {answer.Text}");
            }
            catch (HttpRequestException)
            {
                // The connection is closed while we still send; that is a refusal too.
            }
        }
    }

    [Fact]
    public async Task Names_in_the_path_and_the_query_come_out_inert()
    {
        string[] ids = [Hostile, "..", "%", new string('x', 3_000), "\0", "\ud800", "1;DROP TABLE tenant", "ä", "99999999999999999999", "-1"];
        foreach (var route in await ApiOperation.AllAsync(tenants.Service))
        {
            foreach (var id in ids.Where(_ => route.PathParameters.Count > 0))
                await InertAsync(route, route.With(_ => Uri.EscapeDataString(id)) is var path && id == ".." ? path.Replace("..", "%2e%2e", StringComparison.Ordinal) : path, route.HasBody ? "{}" : null);
            foreach (var name in route.QueryParameters)
            {
                foreach (var value in (string[])[Hostile, "99999999999999999999999", "\0", "-1", ""])
                    await InertAsync(route, $"{route.With(_ => "nosuch")}?{name}={Uri.EscapeDataString(value)}", route.HasBody ? "{}" : null);
            }
        }

        Assert.Equal("The acme company", (await tenants.Service.GoodAsync("GET", "v1/tenants/acme")).Json.GetProperty("name").GetString());
    }

    [Fact]
    public async Task A_hostile_name_that_is_stored_comes_out_inert()
    {
        await tenants.Service.GoodAsync("PUT", "v1/tenants/hostile", JsonSerializer.Serialize(new { name = Hostile }));
        await tenants.Service.GoodAsync("POST", "v1/silences", JsonSerializer.Serialize(new { match = new { tenant = "x" }, endsAt = TimeProvider.System.GetUtcNow().AddHours(1), comment = Hostile }));
        await tenants.Service.GoodAsync("POST", "v1/api-keys", JsonSerializer.Serialize(new { role = "scrape", name = "=cmd()" }));
        foreach (var path in (string[])["v1/tenants", "v1/tenants/hostile", "v1/silences", "v1/api-keys", "v1/audit", "v1/audit?format=csv", "v1/invoices?state=draft"])
        {
            var answer = await tenants.Service.GoodAsync("GET", path);
            Assert.DoesNotContain("\u001b", answer.Text, StringComparison.Ordinal);
            Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"]);
            if (answer.Media == "text/csv") Assert.DoesNotMatch("(?m)(^|,)\"?[=+@]", answer.Text);
            else Assert.Equal("application/json", answer.Media);
        }

        await tenants.Service.SendAsync("DELETE", "v1/tenants/hostile");
    }

    private async Task InertAsync(ApiOperation route, string path, string? body)
    {
        var answer = await tenants.Service.SendAsync(route.Method, path, body);
        Assert.True((int)answer.Status < 500, $"{route.Method} {path}: {(int)answer.Status} {answer.Text}");
        Assert.DoesNotContain("\u001b", answer.Text, StringComparison.Ordinal);
        if (answer.Text.Contains("<script", StringComparison.Ordinal)) Assert.True(answer.Media is "application/json" or "application/problem+json" or "text/csv" && answer.Headers["X-Content-Type-Options"] == "nosniff", $"{route.Method} {path}: {answer.Media}");

        // What is no request line is refused by the server itself, without a word.
        if ((int)answer.Status >= 400 && answer.Text.Length > 0) Assert.StartsWith("urn:metering:problem:", answer.Type, StringComparison.Ordinal);
    }

    private async Task<List<ApiOperation>> WithBodyAsync() => [.. (await ApiOperation.AllAsync(tenants.Service)).Where(route => route.HasBody)];

    private async Task<RunningService.Answer> SendAsync(ApiOperation route, byte[] body, string type)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        return await tenants.Service.SendAsync(route.Method, route.With(name => name == "number" ? "1" : name == "period" ? "2001-01" : "nosuch"), content);
    }

    private static IEnumerable<string> Fields(JsonElement document, JsonElement schema)
    {
        if (schema.TryGetProperty("$ref", out var reference))
        {
            schema = reference.GetString()!.Split('/').Skip(1).Aggregate(document, (at, name) => at.GetProperty(name));
        }
        else if (schema.TryGetProperty("oneOf", out var several))
        {
            return several.EnumerateArray().SelectMany(one => Fields(document, one));
        }

        return schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().Where(one => !one.Value.TryGetProperty("$ref", out _)).Select(one => one.Name).ToList() : [];
    }
}
