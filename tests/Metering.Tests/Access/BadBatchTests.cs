using System.Net;
using System.Text;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Usage whose content is bad, over HTTP: it is kept aside as over the broker, and whoever sent it is told what is wrong with which field or byte, and where it is kept.</summary>
[Collection(nameof(TwoTenants))]
public sealed class BadBatchTests(TwoTenants tenants)
{
    private const string Good = "\"bootId\":\"b\",\"agentEpoch\":\"bad-1\",\"firstSequence\":1,\"sequence\":1,\"schema\":1,\"windowStart\":\"2026-10-01T00:00:00Z\",\"windowEnd\":\"2026-10-01T00:00:10Z\"";

    [Theory]
    [InlineData("""{"nosuchfield":1}""", "is empty", "nosuchfield")]
    [InlineData("""{"host":"../x",GOOD}""", "host is no host id", null)]
    [InlineData("""{"host":"bad-host","agentEpoch":"bad-2","firstSequence":3,"sequence":2}""", "firstSequence and sequence are 3 and 2", null)]
    [InlineData("""{"host":"bad-host","agentEpoch":"bad-3","firstSequence":1,"sequence":1,"windowStart":"2026-10-02T00:00:00Z","windowEnd":"2026-10-01T00:00:00Z"}""", "windowEnd is before windowStart", null)]
    [InlineData("""{"host":"bad-host","agentEpoch":"bad-4","firstSequence":1,"sequence":1,"schema":9}""", "schema is 9", null)]
    [InlineData("""{"host":"bad-host","workloads":[{"kind":"raw","id":"/a"},{"kind":"raw"}],GOOD}""", "workloads[1] has no kind or no id", null)]
    public async Task What_is_wrong_is_told_by_field_with_the_place_where_it_is_kept(string json, string told, string? passedOver)
    {
        var answer = await tenants.Service.SendAsync("POST", "v1/usage-batches", json.Replace("GOOD", Good, StringComparison.Ordinal));

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "urn:metering:problem:invalid-batch"), (answer.Status, answer.Type));
        Assert.Contains(told, answer.Json.GetProperty("detail").GetString());
        if (passedOver is not null) Assert.Contains(passedOver, answer.Json.GetProperty("detail").GetString());
        var kept = Assert.Single(answer.Json.GetProperty("quarantined").EnumerateArray());
        Assert.Contains(told, kept.GetProperty("detail").GetString());
        await IsKeptAsync(kept.GetProperty("quarantineId").GetInt64(), told);
    }

    [Theory]
    [InlineData(new byte[] { 0x0a, 0x7f, 0x61 }, "at byte 2")]
    [InlineData(new byte[] { 0x28, 0xff }, "at byte 2")]
    [InlineData(new byte[] { 0x2f }, "wire type 7")]
    public async Task Bytes_that_are_no_batch_are_told_by_where_they_end_to_be_one(byte[] bytes, string told)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("Content-Type", "application/x-protobuf");
        var answer = await tenants.Service.SendAsync("POST", "v1/usage-batches", content);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Status);
        Assert.Contains(told, answer.Json.GetProperty("detail").GetString());
        await IsKeptAsync(answer.Json.GetProperty("quarantined")[0].GetProperty("quarantineId").GetInt64(), told);
    }

    [Theory]
    [InlineData("{\"host\":", 400, "invalid-request")]
    [InlineData("[]", 400, "invalid-request")]
    [InlineData("{\"batches\":[]}", 400, "invalid-request")]
    [InlineData("{\"host\":{}}", 400, "invalid-request")]
    public async Task What_can_not_even_be_read_is_refused_and_not_kept(string body, int status, string type)
    {
        var before = (await tenants.Service.GoodAsync("GET", "v1/quarantine?limit=10000")).Json.GetProperty("batches").GetArrayLength();
        var answer = await tenants.Service.SendAsync("POST", "v1/usage-batches", body);

        Assert.Equal((status, "urn:metering:problem:" + type), ((int)answer.Status, answer.Type));
        Assert.Equal(before, (await tenants.Service.GoodAsync("GET", "v1/quarantine?limit=10000")).Json.GetProperty("batches").GetArrayLength());
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_told_the_limit()
    {
        var answer = await tenants.Service.SendAsync("POST", "v1/usage-batches", new ByteArrayContent(Encoding.ASCII.GetBytes(new string(' ', (8 << 20) + 1))) { Headers = { { "Content-Type", "application/json" } } });
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "urn:metering:problem:too-large"), (answer.Status, answer.Type));
        Assert.Contains("8388608", answer.Json.GetProperty("detail").GetString());
    }

    private async Task IsKeptAsync(long id, string reason)
    {
        var entry = (await tenants.Service.GoodAsync("GET", "v1/quarantine?limit=10000")).Json.GetProperty("batches").EnumerateArray().Single(one => one.GetProperty("id").GetInt64() == id);
        Assert.Contains(reason, entry.GetProperty("reason").GetString());
    }
}
