using System.Net;
using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>The audit trail by the API, and what <c>verify</c> says of one that somebody worked on.</summary>
public sealed class AuditTests : IAsyncLifetime
{
    private RunningService _service = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _service = await RunningService.StartAsync();
        for (var i = 1; i <= 4; i++) await _service.GoodAsync("PUT", "v1/tenants/t" + i, new { name = "Tenant " + i });
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task It_tells_who_changed_what_from_what_to_what()
    {
        await _service.GoodAsync("PUT", "v1/tenants/t1", new { name = "New name" });

        var entry = (await _service.GoodAsync("GET", "v1/audit?limit=1")).Json.GetProperty("entries")[0];
        Assert.Equal(("admin", "tenant.put", "t1"), (entry.GetProperty("actor").GetString(), entry.GetProperty("action").GetString(), entry.GetProperty("subject").GetString()));
        Assert.StartsWith("key:", entry.GetProperty("principal").GetString());
        Assert.Equal(("Tenant 1", "New name"), (entry.GetProperty("before").GetProperty("name").GetString(), entry.GetProperty("after").GetProperty("name").GetString()));
        Assert.Equal(64, entry.GetProperty("hash").GetString()!.Length);
    }

    [Fact]
    public async Task Pages_and_filters_give_each_entry_once()
    {
        var (numbers, cursor) = (new List<long>(), "");
        do
        {
            var page = (await _service.GoodAsync("GET", "v1/audit?limit=2" + cursor)).Json;
            numbers.AddRange(page.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("number").GetInt64()));
            cursor = page.GetProperty("nextCursor") is { ValueKind: JsonValueKind.String } next ? "&cursor=" + next.GetString() : "";
        }
        while (cursor.Length > 0);

        Assert.Equal(Enumerable.Range(1, 5).Reverse().Select(number => (long)number), numbers);
        Assert.Equal(4, await CountAsync("action=tenant.*"));
        Assert.Equal(1, await CountAsync("action=tenant.put&subject=t3"));
        Assert.Equal(1, await CountAsync("actor=local"));
        Assert.Equal(0, await CountAsync("actor=nobody"));
        Assert.Equal(0, await CountAsync("to=2020-01-01T00:00:00Z"));
        Assert.Equal(5, await CountAsync("from=2020-01-01T00:00:00Z"));
        Assert.Equal(HttpStatusCode.BadRequest, (await _service.SendAsync("GET", "v1/audit?cursor=x")).Status);
        Assert.Contains("tenant.put", (await _service.GoodAsync("GET", "v1/audit?format=csv")).Text);

        async Task<int> CountAsync(string query) => (await _service.GoodAsync("GET", "v1/audit?" + query)).Json.GetProperty("entries").GetArrayLength();
    }

    [Fact]
    public async Task What_was_written_before_there_was_a_chain_is_its_beginning()
    {
        await ForceAsync("UPDATE audit SET number = NULL, hash = NULL; DELETE FROM meta WHERE key = 'audit_head'");
        Assert.Null((await VerifyAsync()).First);
        await _service.GoodAsync("PUT", "v1/tenants/t9", new { name = "Tenant 9" });
        Assert.Null((await VerifyAsync()).First);
        Assert.Equal(6, (await _service.GoodAsync("GET", "v1/audit?limit=1")).Json.GetProperty("entries")[0].GetProperty("number").GetInt64());

        await ForceAsync("UPDATE audit SET actor = 'somebody' WHERE subject = 't2'");
        Assert.Contains("or what is before it", (await VerifyAsync()).First?.Detail);
    }

    [Fact]
    public async Task A_change_that_is_refused_leaves_no_trace()
    {
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await _service.SendAsync("PUT", "v1/tenants/t9", new { timeZone = "Mars/Olympus" })).Status);
        await _service.GoodAsync("POST", "v1/tenants/apply?check=true", """{"documents":[{"id":"t9","body":{"name":"Nine"}}]}""");
        Assert.Equal(5, (await _service.GoodAsync("GET", "v1/audit")).Json.GetProperty("entries").GetArrayLength());
    }

    // As somebody with the file in hand: the triggers go first.
    private Task ForceAsync(string sql) => _service.Store.WriteAsync(async transaction =>
    {
        await transaction.ExecuteAsync("DROP TRIGGER IF EXISTS audit_no_update");
        await transaction.ExecuteAsync("DROP TRIGGER IF EXISTS audit_no_delete");
        await transaction.ExecuteAsync(sql);
    }, Cancel);

    private async Task<VerifySummary> VerifyAsync()
    {
        await foreach (var one in _service.Services.GetRequiredService<Verifier>().RunAsync(Cancel))
        {
            if (one.Done is { } done) return done;
        }

        throw new InvalidOperationException("The verification had no end.");
    }
}
