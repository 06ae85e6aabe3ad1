using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Every route of the API document with what nobody should send: it is refused with a problem of ours, and the service lives on.</summary>
[Collection(nameof(TwoTenants))]
public sealed class BadInputTests(TwoTenants tenants)
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
        var before = await ChangesAsync();
        foreach (var route in await WithBodyAsync())
        {
            foreach (var (what, body, type) in bodies)
            {
                // Bodies that may be left out, or hold nothing that is asked for.
                if (what is "nothing" or "null" && route.Path is "/v1/periods/{period}/close" or "/v1/enforcement/release") continue;
                var answer = await SendAsync(route, body, type);
                Assert.True((int)answer.Status is >= 400 and < 500 && answer.Type.StartsWith("urn:metering:problem:", StringComparison.Ordinal), $"{route} with {what}: {(int)answer.Status} {answer.Media} {answer.Text}");
                Assert.DoesNotContain("   at ", answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain("Metering.Service", answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain("System.", answer.Text, StringComparison.Ordinal);
                if (what == "an unknown field") Assert.True(Detail(answer).Contains("nosuchfield", StringComparison.Ordinal), $"{route} does not name the field: {answer.Text}");
            }
        }

        // What is refused leaves nothing behind; a batch that is bad is kept where somebody can look at it.
        Assert.Equal(before, await ChangesAsync());
    }

    [Fact]
    public async Task A_chunk_whose_length_is_no_number_is_answered_while_its_sender_waits()
    {
        var at = new Uri(tenants.Service.Url);
        using var socket = new TcpClient();
        await socket.ConnectAsync(at.Host, at.Port, TestContext.Current.CancellationToken);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/usage-batches HTTP/1.1\r\nHost: {at.Authority}\r\nAuthorization: Bearer {tenants.Service.AdminKey}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n{{}}"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        Assert.StartsWith("HTTP/1.1 400", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
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
                if (route.Path != "/v1/usage-batches") Assert.True(Detail(answer).Contains(field, StringComparison.Ordinal), $"{route} does not name {field}: {answer.Text}");
                checkedFields++;
            }
        }

        Assert.True(checkedFields > 40, $"Only {checkedFields} fields were tried.");
    }

    [Fact]
    public async Task A_parameter_that_is_none_comes_twice_or_can_not_be_read_is_named()
    {
        var before = await ChangesAsync();
        var document = (await tenants.Service.GoodAsync("GET", "openapi/v1.json")).Json;
        var (tried, unread) = (0, 0);
        foreach (var route in (await ApiOperation.AllAsync(tenants.Service)).Where(route => route.Path != "/v1/agents/enroll"))
        {
            await NamedAsync(route, "nosuch=1", "nosuch");
            await NamedAsync(route, Uri.EscapeDataString(Hostile) + "=1", "<script>");
            if (!document.GetProperty("paths").GetProperty(route.Path).GetProperty(route.Method.ToLowerInvariant()).TryGetProperty("parameters", out var parameters)) continue;
            foreach (var parameter in parameters.EnumerateArray().Where(one => one.GetProperty("in").GetString() == "query"))
            {
                var (name, schema) = (parameter.GetProperty("name").GetString()!, parameter.GetProperty("schema").ToString());
                if (!schema.Contains("array", StringComparison.Ordinal)) await NamedAsync(route, $"{name}=1&{name}=2", name);
                await NamedAsync(route, $"{name}={new string('x', 4_001)}", name);
                await NamedAsync(route, $"{name}=%00", name);
                tried++;
                if (!schema.Contains("integer", StringComparison.Ordinal) && !schema.Contains("boolean", StringComparison.Ordinal) && !schema.Contains("date-time", StringComparison.Ordinal)) continue;
                foreach (var value in (string[])["x", "1.5", "0x10", "99999999999999999999", "2026-99-99"]) await NamedAsync(route, $"{name}={value}", name);
                unread++;
            }
        }

        Assert.True(tried > 80 && unread > 25, $"{tried} parameters were tried, {unread} of a kind that can be wrong.");
        Assert.Equal(before, await ChangesAsync());

        async Task NamedAsync(ApiOperation route, string query, string name)
        {
            var answer = await tenants.Service.SendAsync(route.Method, route.With(parameter => parameter == "number" || parameter == "occurrence" ? "1" : parameter == "period" ? "2001-01" : "nosuch") + "?" + query, route.HasBody ? "{}" : null);
            Assert.True(answer.Status == HttpStatusCode.BadRequest && answer.Type == "urn:metering:problem:invalid-request" && Detail(answer).Contains(name, StringComparison.OrdinalIgnoreCase), $"{route} with {query[..Math.Min(80, query.Length)]}: {(int)answer.Status} {answer.Text}");
        }
    }

    [Fact]
    public async Task A_form_that_is_none_is_answered_with_the_page()
    {
        var many = string.Join('&', Enumerable.Range(0, 3_000).Select(i => $"a{i}=1"));
        foreach (var path in (string[])["sign-in", "sign-out", "theme"])
        {
            foreach (var (type, body) in new[]
            {
                ("application/x-www-form-urlencoded", many), ("application/x-www-form-urlencoded", "key=" + new string('x', 5 << 20)), ("application/x-www-form-urlencoded", "key=%00%ff&from=%0d%0aSet-Cookie:a=b"), ("application/x-www-form-urlencoded", new string('k', 10_000) + "=1"),
                ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nx"), ("multipart/form-data", "x"), ("multipart/form-data; boundary=" + new string('b', 300), "x"), ("application/json", "{}"), ("text/plain", Hostile),
            })
            {
                var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
                content.Headers.TryAddWithoutValidation("Content-Type", type);
                var answer = await tenants.Service.SendAsync("POST", path, content, key: path == "sign-in" ? "" : null);
                Assert.True((int)answer.Status < 500, $"POST {path} as {type}: {(int)answer.Status} {answer.Text}");
                Assert.DoesNotContain("a=b", string.Join(' ', answer.Headers.Where(header => header.Key is "Set-Cookie").Select(header => header.Value)));
                Assert.DoesNotContain("<script>alert", answer.Text, StringComparison.Ordinal);
            }
        }
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

    // What a field or a parameter is given, as JSON.
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "99999999999999999999999999999999", "-9223372036854775809", "18446744073709551616", "1.00000000000000000000000000000000001", "01", "\"\"", "\"\\u0000\"",
        "\"\\ud800\"", "\"\\u202e\"", "\"2026-99-99T00:00:00Z\"", "\"9999-12-31T23:59:59Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"P1Y\"", "\"../../etc/passwd\"", "\"=cmd()\"", "\"<script>alert(1)</script>\"", "[]", "{}", "[null]", "[[]]", "[{}]",
        "{\"a\":1}", "{\"a\":1,\"a\":2}", "{\"\":{}}", $"\"{new string('x', 5_000)}\"", $"[{string.Join(',', Enumerable.Repeat("1", 2_000))}]", new string('[', 200) + new string(']', 200), $"{new string('9', 400)}",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whatever_comes_is_answered_and_never_by_an_error_of_the_service(int seed)
    {
        var random = new Random(seed);
        var document = (await tenants.Service.GoodAsync("GET", "openapi/v1.json")).Json;
        foreach (var route in await ApiOperation.AllAsync(tenants.Service))
        {
            if (route.Path == "/v1/verify") continue;
            var operation = document.GetProperty("paths").GetProperty(route.Path).GetProperty(route.Method.ToLowerInvariant());
            var fields = route.HasBody && operation.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out var content) ? Fields(document, content.GetProperty("schema")).ToArray() : [];
            for (var i = 0; i < 6; i++)
            {
                var path = route.With(_ => Uri.EscapeDataString(Text(random)));
                var query = string.Join('&', route.QueryParameters.Where(name => name != "check" && random.Next(2) == 0).SelectMany(name => Enumerable.Repeat(name, random.Next(1, 3))).Select(name => $"{name}={Uri.EscapeDataString(Text(random))}"));

                // Rules and allocation have no id: what happened to be good would be everybody's.
                var answer = await tenants.Service.SendAsync(route.Method, $"{path}?{(route.QueryParameters.Contains("check") ? "check=true&" : "")}{query}", route.HasBody ? Body(random, fields) : null);
                Assert.True((int)answer.Status < 500, $"Seed {seed}: {route.Method} {path}?{query}: {(int)answer.Status} {answer.Text}");
                if ((int)answer.Status >= 400 && answer.Text.Length > 0) Assert.True(answer.Type.StartsWith("urn:metering:problem:", StringComparison.Ordinal) && answer.Json.GetProperty("detail").GetString() is { Length: > 0 }, $"Seed {seed}: {route.Method} {path}?{query}: {answer.Text}");
            }
        }

        Assert.Equal("The acme company", (await tenants.Service.GoodAsync("GET", "v1/tenants/acme")).Json.GetProperty("name").GetString());
    }

    [Fact]
    public async Task A_field_that_comes_twice_is_refused()
    {
        foreach (var (method, path, body) in new[]
        {
            ("PUT", "v1/tenants/twice", """{"name":"a","name":"b"}"""), ("POST", "v1/api-keys", """{"role":"finance","role":"admin"}"""), ("PUT", "v1/quotas/twice", """{"subject":{"tenant":"acme","tenant":"globex"},"meter":"cpuSeconds","window":"month","limit":1}"""),
            ("PUT", "v1/webhooks/twice", """{"channel":"log","file":"a.jsonl","file":"b.jsonl"}"""), ("PUT", "v1/price-books/twice/versions/1", """{"currency":"EUR","currency":"USD","validFrom":"2020-01-01T00:00:00Z","prices":[]}"""),
            ("POST", "v1/tenants/apply", """{"documents":[{"id":"twice","body":{"name":"a","name":"b"}}]}"""), ("PUT", "v1/ownership-rules?check=true", """{"rules":[],"rules":[]}"""),
        })
        {
            var answer = await tenants.Service.SendAsync(method, path, body);
            Assert.True(answer.Status is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity && answer.Type.Length > 0, $"{method} {path}: {(int)answer.Status} {answer.Text}");
        }
    }

    private static string Detail(RunningService.Answer answer) => answer.Type.Length > 0 ? answer.Json.GetProperty("detail").GetString()! : "";

    // How many changes the audit trail knows.
    private async Task<long> ChangesAsync() => (await tenants.Service.GoodAsync("GET", "v1/audit?limit=1")).Json.GetProperty("entries")[0].GetProperty("number").GetInt64();

    [Fact]
    public async Task A_document_among_several_is_held_to_the_same()
    {
        var before = await ChangesAsync();
        foreach (var route in (await WithBodyAsync()).Where(route => route.Path.EndsWith("/apply", StringComparison.Ordinal)))
        {
            var answer = await tenants.Service.SendAsync(route.Method, route.With(_ => "nosuch"), """{"documents":[{"id":"1","body":{}},{"id":"2","body":{"nosuchfield":1}}]}""");
            Assert.True(answer.Status == HttpStatusCode.UnprocessableEntity && answer.Text.Contains("nosuchfield", StringComparison.Ordinal) && answer.Text.Contains("documents[1]", StringComparison.Ordinal), $"{route}: {(int)answer.Status} {answer.Text}");
        }

        Assert.Equal(before, await ChangesAsync());
    }

    [Theory]
    [InlineData("""{"nam":"x"}""", "There is no field 'nam'; /docs tells which there are.")]
    [InlineData("""{"name":5}""", "$.name is not of the right kind.")]
    [InlineData("""{"name":"a","name":"b"}""", "The field 'name' comes twice.")]
    [InlineData("[]", "The body is not of the right kind.")]
    public async Task A_fault_is_told_in_the_words_of_whoever_made_it(string body, string told) => Assert.Equal(told, Detail(await tenants.Service.SendAsync("PUT", "v1/tenants/faulty", body)));

    private static ByteArrayContent Body(Random random, string[] fields)
    {
        var text = "{" + string.Join(',', fields.Where(_ => random.Next(4) > 0).Concat(random.Next(8) == 0 ? fields : []).Select(name => $"\"{name}\":{Values[random.Next(Values.Length)]}")) + "}";
        byte[] body = random.Next(10) switch
        {
            0 => Encoding.Unicode.GetBytes(text),
            1 => [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(text)],
            2 => [.. Encoding.UTF8.GetBytes(text), 0xff],
            3 => Encoding.UTF8.GetBytes(Values[random.Next(Values.Length)]),
            4 => Encoding.UTF8.GetBytes(text)[..random.Next(text.Length)],
            _ => Encoding.UTF8.GetBytes(text),
        };
        var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", random.Next(12) switch { 0 => "application/json; charset=utf-16", 1 => "application/json; charset=nosuch", 2 => "application/x-protobuf", 3 => "text/html", _ => "application/json" });
        return content;
    }

    // Within a path or a query; short enough for a request line.
    private static string Text(Random random) => Values[random.Next(Values.Length)] is var value && value.Length > 2_000 ? "x" : value.Trim('"');

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
