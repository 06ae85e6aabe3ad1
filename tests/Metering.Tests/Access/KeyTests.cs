using System.Net;
using System.Security.Cryptography;
using System.Text;
using Metering.Service.Access;
using Metering.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>API keys over their life, through the API.</summary>
public sealed class KeyTests : IAsyncLifetime
{
    private RunningService _service = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _service = await RunningService.StartAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task A_key_is_shown_once_and_stored_as_a_hash()
    {
        var made = (await _service.GoodAsync("POST", "v1/api-keys", new { role = "reader", tenant = "acme", name = "dashboard" })).Json;
        var (id, secret) = (made.GetProperty("id").GetString()!, made.GetProperty("secret").GetString()!);

        Assert.Matches("^mtr_reader_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9a-f]{8}$", secret);
        Assert.Contains(id, secret);
        var listed = await _service.GoodAsync("GET", "v1/api-keys");
        Assert.Contains(id, listed.Text);
        Assert.DoesNotContain(secret.Split('_')[3], listed.Text);
        await using var context = await _service.Store.ReadContextAsync(Cancel);
        var stored = await context.Set<ApiKey>().SingleAsync(key => key.Id == id, Cancel);
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(secret)), stored.Hash);
        Assert.DoesNotContain(secret.Split('_')[3], (await _service.GoodAsync("GET", "v1/audit")).Text);
    }

    [Fact]
    public async Task A_third_active_key_of_the_same_principal_is_refused_and_rotation_replaces_one()
    {
        var first = (await _service.GoodAsync("POST", "v1/api-keys", new { role = "agent", host = "h1" })).Json;
        var firstSecret = first.GetProperty("secret").GetString()!;
        var second = (await _service.GoodAsync("POST", $"v1/api-keys/{first.GetProperty("id").GetString()}/rotate?overlap=1h")).Json;

        var third = await _service.SendAsync("POST", "v1/api-keys", new { role = "agent", host = "h1" });
        Assert.Equal((HttpStatusCode.Conflict, "urn:metering:problem:conflict"), (third.Status, third.Type));
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync("GET", "v1/agents/h1/downlink?epoch=none", key: firstSecret)).Status);
        Assert.Equal("h1", second.GetProperty("host").GetString());

        // The one that is left to end and its successor make two; with one revoked there is room.
        await _service.GoodAsync("DELETE", $"v1/api-keys/{first.GetProperty("id").GetString()}");
        Assert.Equal(HttpStatusCode.Unauthorized, (await _service.SendAsync("GET", "v1/agents/h1/downlink?epoch=none", key: firstSecret)).Status);
        await _service.GoodAsync("POST", $"v1/api-keys/{second.GetProperty("id").GetString()}/rotate?overlap=0s");
        Assert.Equal(HttpStatusCode.Unauthorized, (await _service.SendAsync("GET", "v1/agents/h1/downlink?epoch=none", key: second.GetProperty("secret").GetString())).Status);
        await _service.GoodAsync("POST", "v1/api-keys", new { role = "agent", host = "h1" });
        await _service.GoodAsync("POST", "v1/api-keys", new { role = "agent", host = "h2" });
    }

    [Fact]
    public async Task A_key_ends_at_its_very_instant()
    {
        var clock = new FakeClock(TimeProvider.System.GetUtcNow());
        var ring = new KeyRing(_service.Store, new KeyUse(_service.Store, clock), clock);
        var end = clock.GetUtcNow().AddSeconds(5);
        var (key, text) = await ring.CreateAsync(Roles.Finance, "short", null, null, end, new System.Security.Claims.ClaimsPrincipal(), Cancel);
        clock.Advance(TimeSpan.FromSeconds(5) - TimeSpan.FromMicroseconds(1));
        Assert.NotNull(await ring.FindAsync(text, Cancel));
        Assert.True(await ring.StandsAsync(key.Id, Cancel));
        clock.Advance(TimeSpan.FromMicroseconds(1));
        Assert.Null(await ring.FindAsync(text, Cancel));
        Assert.False(await ring.StandsAsync(key.Id, Cancel));
        clock.Advance(TimeSpan.FromDays(400));
        Assert.Null(await ring.FindAsync(text, Cancel));

        // It makes room for two that are active; and of the text nothing else is a key.
        for (var i = 0; i < 2; i++) await ring.CreateAsync(Roles.Finance, "short", null, null, null, new System.Security.Claims.ClaimsPrincipal(), Cancel);
        var (_, good) = await ring.CreateAsync(Roles.Finance, "other", null, null, null, new System.Security.Claims.ClaimsPrincipal(), Cancel);
        Assert.NotNull(await ring.FindAsync(good, Cancel));
        var parts = good.Split('_');
        foreach (var bad in (string[])[good[..^1], good + "0", good.Replace("finance", "admin", StringComparison.Ordinal), Signed($"mtr_finance_{parts[2]}_{new string('A', 43)}"), Signed($"mtr_admin_{parts[2]}_{parts[3]}"), parts[3], ""])
            Assert.Null(await ring.FindAsync(bad, Cancel));

        static string Signed(string head) => head + "_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(head)).AsSpan(0, 4));
    }

    [Fact]
    public async Task The_last_use_is_shown_and_written_without_holding_up_the_request()
    {
        var key = await _service.NewKeyAsync("finance");
        await _service.GoodAsync("GET", "v1/tenants", key: key);

        var shown = (await _service.GoodAsync("GET", "v1/api-keys")).Json.EnumerateArray().Single(one => one.GetProperty("role").GetString() == "finance");
        Assert.Equal(System.Text.Json.JsonValueKind.String, shown.GetProperty("lastUsedAt").ValueKind);
        Assert.Null(await StoredAsync());
        await _service.Services.GetRequiredService<KeyUse>().FlushAsync(Cancel);
        Assert.NotNull(await StoredAsync());

        async Task<long?> StoredAsync()
        {
            await using var context = await _service.Store.ReadContextAsync(Cancel);
            return (await context.Set<ApiKey>().SingleAsync(one => one.Role == "finance", Cancel)).LastUsedAt;
        }
    }

    [Fact]
    public async Task A_key_that_makes_no_sense_is_refused()
    {
        string[] bodies =
        [
            """{"role":"king"}""", "{}", """{"role":"reader"}""", """{"role":"admin","tenant":"acme"}""", """{"role":"finance","host":"h1"}""", """{"role":"agent","host":"../h1"}""",
            """{"role":"agent","name":"a\u001b[31m"}""", """{"role":"agent","expires":"2001-01-01T00:00:00Z"}""",
        ];
        foreach (var body in bodies)
        {
            var answer = await _service.SendAsync("POST", "v1/api-keys", body);
            Assert.Equal((HttpStatusCode.UnprocessableEntity, "urn:metering:problem:rule-broken"), (answer.Status, answer.Type));
        }
    }
}
