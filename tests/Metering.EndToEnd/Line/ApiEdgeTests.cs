using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>The API of a running service, from outside, with what nobody should send.</summary>
public sealed class ApiEdgeTests(ServiceLine line) : IClassFixture<ServiceLine>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_a_key_every_path_answers_401_whether_it_exists_or_not()
    {
        using var anonymous = new HttpClient { BaseAddress = new Uri(line.Service.Url) };
        var document = await line.Service.GetAsync("openapi/v1.json", Cancel);
        var known = document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(method => (Method: method.Name, Path: path.Name.Replace("{", "").Replace("}", "")))).ToList();
        Assert.True(known.Count > 25, $"Only {known.Count} operations are documented.");
        (string Method, string Path)[] more =
        [
            ("get", "/"), ("get", "/no/such/path"), ("get", "/v1"), ("get", "/v2/usage"), ("post", "/v1/usage"), ("get", "/docs"), ("get", "/docs/index.html"), ("get", "/openapi/v1.json"), ("get", "/metrics"),
            ("get", "/_framework/blazor.web.js"), ("get", "/_blazor"), ("put", "/healthz2"), ("delete", "/v1/api-keys/x"), ("get", "/v1/agents/edge-a/downlink"), ("get", "/.well-known/x"), ("options", "/v1/usage"), ("get", "/healthz/../v1/usage"),
        ];
        foreach (var (method, path) in known.Concat(more))
        {
            using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), new Uri(path, UriKind.Relative));
            using var response = await anonymous.SendAsync(request, Cancel);
            Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{method} {path}: {(int)response.StatusCode}");
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        }

        foreach (var open in new[] { "/healthz", "/readyz" })
        {
            using var response = await anonymous.GetAsync(new Uri(open, UriKind.Relative), Cancel);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("mtr_admin_x_y_z")]
    [InlineData("'; DROP TABLE api_key; --")]
    public async Task A_key_that_is_none_is_refused(string key)
    {
        using var client = new HttpClient { BaseAddress = new Uri(line.Service.Url) };
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", "Bearer " + key);
        using var response = await client.GetAsync(new Uri("v1/usage", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_batch_is_committed_once_and_its_repetition_is_counted_as_a_duplicate(bool json)
    {
        var maker = new BatchMaker("edge-a", json ? "/e2e-once-json" : "/e2e-once-protobuf");
        var batch = maker.Next(3);

        var first = await batch.PostAsync(line.Service.Client, Cancel, json, line.KeyOfA);
        var second = await batch.PostAsync(line.Service.Client, Cancel, json, line.KeyOfA);
        var other = await batch.PostAsync(line.Service.Client, Cancel, !json, line.KeyOfA);

        Assert.Equal(HttpStatusCode.OK, first.Status);
        Assert.Equal((1, 0), (first.Answer.GetProperty("committedSequence").GetInt32(), first.Answer.GetProperty("duplicates").GetInt32()));
        Assert.Equal((1, 1), (second.Answer.GetProperty("committedSequence").GetInt32(), second.Answer.GetProperty("duplicates").GetInt32()));
        Assert.Equal(1, other.Answer.GetProperty("duplicates").GetInt32());
        Assert.Equal(3_000_000, (await line.Service.CpuAsync(json ? "/e2e-once-json" : "/e2e-once-protobuf", Cancel)).Values.Sum());
    }

    [Fact]
    public async Task Several_batches_in_one_body_are_one_answer()
    {
        var maker = new BatchMaker("edge-a", "/e2e-several");
        var body = "{\"batches\":[" + string.Join(',', Enumerable.Range(0, 3).Select(_ => Google.Protobuf.JsonFormatter.Default.Format(maker.Next(1).Batch))) + "]}";

        var (status, text, _) = await PostAsync(Encoding.UTF8.GetBytes(body), "application/json");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(3, JsonSerializer.Deserialize<JsonElement>(text).GetProperty("committedSequence").GetInt32());
        Assert.Equal(3_000_000, (await line.Service.CpuAsync("/e2e-several", Cancel)).Values.Sum());
    }

    [Fact]
    public async Task Other_content_under_a_known_number_is_a_fork_and_changes_nothing()
    {
        var maker = new BatchMaker("edge-a", "/e2e-fork");
        await maker.Next(5).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);

        var (status, answer) = await maker.Make(1, 7).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);

        Assert.Equal(HttpStatusCode.Conflict, status);
        var refused = Assert.Single(answer.GetProperty("refused").EnumerateArray());
        Assert.Equal(1, refused.GetProperty("sequence").GetInt32());
        Assert.StartsWith("fork", refused.GetProperty("reason").GetString());
        Assert.Equal(1, answer.GetProperty("committedSequence").GetInt32());
        Assert.Equal(5_000_000, (await line.Service.CpuAsync("/e2e-fork", Cancel)).Values.Sum());
    }

    [Fact]
    public async Task An_invalid_batch_is_quarantined_and_the_next_ones_go_on()
    {
        var maker = new BatchMaker("edge-a", "/e2e-invalid");
        await maker.Next(1).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);
        var bad = maker.Next(2);
        bad.Batch.WindowStart.Seconds += 60;

        var (status, answer) = await bad.PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);
        var after = await maker.Next(4).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal(2, answer.GetProperty("committedSequence").GetInt32());
        Assert.Equal(2, Assert.Single(answer.GetProperty("refused").EnumerateArray()).GetProperty("sequence").GetInt32());
        Assert.Equal(3, after.Answer.GetProperty("committedSequence").GetInt32());
        Assert.Equal(5_000_000, (await line.Service.CpuAsync("/e2e-invalid", Cancel)).Values.Sum());
    }

    [Fact]
    public async Task A_newer_major_version_is_quarantined()
    {
        var batch = new BatchMaker("edge-a", "/e2e-newer").Next(1);
        batch.Batch.Schema = 2;
        var (status, answer) = await batch.PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal(1, answer.GetProperty("committedSequence").GetInt32());
    }

    [Fact]
    public async Task A_key_speaks_for_its_host_only_and_touches_nothing_of_another()
    {
        var maker = new BatchMaker("edge-a", "/e2e-foreign");
        await maker.Next(1).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);
        var next = maker.Next(9);

        var (status, answer) = await next.PostAsync(line.Service.Client, Cancel, key: line.KeyOfB);
        var stolenEpoch = new BatchDouble(next.Batch.Clone());
        stolenEpoch.Batch.Host = "edge-b";
        var stolen = await stolenEpoch.PostAsync(line.Service.Client, Cancel, key: line.KeyOfB);

        Assert.Equal(HttpStatusCode.Forbidden, status);
        Assert.DoesNotContain("\"committedSequence\":1", answer.GetRawText());
        Assert.Equal(HttpStatusCode.Forbidden, stolen.Status);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"v1/agents/edge-a/downlink?epoch={maker.Epoch}", UriKind.Relative));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", line.KeyOfB);
        using var foreign = await line.Service.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);

        // The owner's state is as before: its own number 2 is still free.
        var own = await next.PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);
        Assert.Equal((HttpStatusCode.OK, 2), (own.Status, own.Answer.GetProperty("committedSequence").GetInt32()));
        Assert.Equal(10_000_000, (await line.Service.CpuAsync("/e2e-foreign", Cancel)).Values.Sum());
    }

    [Fact]
    public async Task An_agents_key_reads_and_manages_nothing()
    {
        foreach (var path in new[] { "v1/usage", "v1/costs", "v1/hosts", "v1/workloads", "v1/tenants", "v1/api-keys", "v1/webhooks", "v1/quotas", "v1/alerts", "v1/ownership-rules", "metrics" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", line.KeyOfA);
            using var response = await line.Service.Client.SendAsync(request, Cancel);
            Assert.True(response.StatusCode == HttpStatusCode.Forbidden, $"{path}: {(int)response.StatusCode}");
        }
    }

    [Fact]
    public async Task Bodies_that_are_no_batch_answer_4xx_with_a_problem_and_the_service_lives_on()
    {
        var noise = new byte[200_000];
        new Random(1).NextBytes(noise);
        byte[][] bodies =
        [
            [], "null"u8.ToArray(), "[]"u8.ToArray(), "{}"u8.ToArray(), "{"u8.ToArray(), "{\"batches\":[]}"u8.ToArray(), "{\"batches\":{}}"u8.ToArray(), "{\"batches\":[null]}"u8.ToArray(), "{\"batches\":[1,\"x\"]}"u8.ToArray(),
            "{\"host\":1}"u8.ToArray(), "{\"host\":\"edge-a\",\"host\":\"edge-b\"}"u8.ToArray(), "{\"sequence\":-1}"u8.ToArray(), "{\"sequence\":1e999}"u8.ToArray(), "{\"sequence\":NaN}"u8.ToArray(), "{\"sequence\":\"-0\"}"u8.ToArray(),
            "{\"windowStart\":\"yesterday\"}"u8.ToArray(), "{\"hostLabels\":null,\"workloads\":[null]}"u8.ToArray(), [0xef, 0xbb, 0xbf, (byte)'{', (byte)'}'], [(byte)'"', 0xff, 0xfe, (byte)'"'], [.. Enumerable.Repeat((byte)'[', 1 << 20)],
            [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], noise, new byte[2 << 20], new byte[8_500_000],
        ];
        foreach (var body in bodies)
        {
            foreach (var type in new[] { "application/json", "application/x-protobuf", "text/plain", "application/vnd.masstransit+json", "" })
            {
                var (status, text, media) = await PostAsync(body, type);
                Assert.True((int)status is >= 400 and < 500, $"{type} {Encoding.Latin1.GetString(body.AsSpan(0, Math.Min(40, body.Length)))}: {(int)status} {text}");
                Assert.Equal("application/problem+json", media);
                Assert.StartsWith("urn:metering:problem:", JsonSerializer.Deserialize<JsonElement>(text).GetProperty("type").GetString());
                Assert.DoesNotContain("   at ", text);
            }
        }

        Assert.Equal(HttpStatusCode.OK, await line.Service.StatusAsync("/readyz", Cancel));
        line.Service.SaidNoStackTrace();
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused()
    {
        using var content = new ByteArrayContent(new byte[20 << 20]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        HttpStatusCode? status = null;
        try
        {
            using var response = await line.Service.Client.PostAsync(new Uri("v1/usage-batches", UriKind.Relative), content, Cancel);
            status = response.StatusCode;
        }
        catch (HttpRequestException)
        {
            // The connection may be closed while we still send; that is a refusal too.
        }

        Assert.True(status is null or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.BadRequest, $"{status}");
        Assert.Equal(HttpStatusCode.OK, await line.Service.StatusAsync("/readyz", Cancel));
        line.Service.SaidNoStackTrace();
    }

    [Theory]
    [InlineData("v1/usage?from=never")]
    [InlineData("v1/usage?from=7d&to=8d")]
    [InlineData("v1/usage?step=minute")]
    [InlineData("v1/usage?limit=0")]
    [InlineData("v1/usage?limit=ten")]
    [InlineData("v1/usage?cursor=zzz")]
    [InlineData("v1/usage?groupBy=colour")]
    [InlineData("v1/usage?groupBy=label:a'b")]
    [InlineData("v1/usage?filter=nonsense")]
    [InlineData("v1/usage?timeZone=Mars/Olympus")]
    [InlineData("v1/usage?from=0001-01-01&step=hour")]
    [InlineData("v1/workloads?limit=-1")]
    [InlineData("v1/workloads?cursor=x")]
    public async Task A_question_that_makes_no_sense_answers_400(string path)
    {
        using var response = await line.Service.Client.GetAsync(new Uri(path, UriKind.Relative), Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == HttpStatusCode.BadRequest, $"{(int)response.StatusCode} {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("urn:metering:problem:", JsonSerializer.Deserialize<JsonElement>(text).GetProperty("type").GetString());
    }

    [Fact]
    public async Task Promtool_finds_no_fault_in_the_scrape_of_a_live_service()
    {
        var maker = new BatchMaker("edge-a", "/e2e-scrape");
        await maker.Next(1).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);
        await maker.Make(1, 2).PostAsync(line.Service.Client, Cancel, key: line.KeyOfA);

        var text = await line.Service.TextAsync("metrics", "text/plain", Cancel);

        Assert.Contains("metering_", text);
        await Promtool.AcceptsAsync(text, Cancel);
        Assert.EndsWith("# EOF\n", await line.Service.TextAsync("metrics", "application/openmetrics-text; version=1.0.0", Cancel));
    }

    private async Task<(HttpStatusCode Status, string Text, string? Media)> PostAsync(byte[] body, string type)
    {
        using var content = new ByteArrayContent(body);
        if (type.Length > 0) content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("v1/usage-batches", UriKind.Relative)) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", line.KeyOfA);
        using var response = await line.Service.Client.SendAsync(request, Cancel);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancel), response.Content.Headers.ContentType?.MediaType);
    }
}
