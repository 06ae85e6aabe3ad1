using System.Net;
using System.Text.Json.Nodes;
using Metering.Service.Access;
using Metering.Service.Ui;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Documents that people edit: whoever sends back the <c>ETag</c> undoes nobody's change unseen.</summary>
public sealed class VersionTests(VersionTests.Running running) : IClassFixture<VersionTests.Running>
{
    private RunningService Service => running.Service;

    // Path, a first content, another one, and whether it is there before anybody writes it. A PUT of the document that people edit needs a line here.
    public static TheoryData<string, string, string, bool> Documents => new()
    {
        { "v1/tenants/acme", """{"name":"One"}""", """{"name":"Two"}""", false },
        { "v1/tenants/held/contract", """{"terms":[{"validFrom":"2999-01-01T00:00:00Z","discount":10}]}""", """{"terms":[{"validFrom":"2999-01-01T00:00:00Z","discount":20}]}""", true },
        { "v1/ownership-rules?force=true", """{"rules":[{"match":{"path":"/a/*"},"tenant":"a"}]}""", """{"rules":[{"match":{"path":"/b/*"},"tenant":"b"}]}""", true },
        { "v1/price-books/list/versions/1", """{"currency":"EUR","validFrom":"2999-01-01T00:00:00Z","prices":[{"meter":"cpuSeconds","unit":"Core-Hours","price":1}]}""", """{"currency":"EUR","validFrom":"2999-01-01T00:00:00Z","prices":[{"meter":"cpuSeconds","unit":"Core-Hours","price":2}]}""", false },
        { "v1/allocation", """{"versions":[{"validFrom":"2999-01-01T00:00:00Z","currency":"EUR","idle":"proportional","hosts":[{"perHour":0.02,"cpuShare":0.6,"cores":64,"memoryBytes":549755813888}]}]}""", """{"versions":[{"validFrom":"2999-01-01T00:00:00Z","currency":"EUR","idle":"proportional","hosts":[{"perHour":0.03,"cpuShare":0.6,"cores":64,"memoryBytes":549755813888}]}]}""", true },
        { "v1/quotas/cpu", """{"subject":{"tenant":"held"},"meter":"cpuSeconds","window":"month","limit":1}""", """{"subject":{"tenant":"held"},"meter":"cpuSeconds","window":"month","limit":2}""", false },
        { "v1/quota-plans/gold", """{"limits":{"cpu":1}}""", """{"limits":{"cpu":2}}""", false },
        { "v1/webhooks/trail", """{"channel":"log","file":"a.jsonl"}""", """{"channel":"log","file":"b.jsonl"}""", false },
        { "v1/reports/weekly", """{"report":"usage","from":"lastMonth","step":"day","format":"csv","every":"month","at":"06:00","directory":"finance"}""", """{"report":"usage","from":"lastMonth","step":"day","format":"csv","every":"month","at":"07:00","directory":"finance"}""", false },
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task A_change_of_what_somebody_else_has_changed_is_refused(string path, string first, string second, bool isThereAlways)
    {
        var read = path.Split('?')[0];
        if (!isThereAlways)
        {
            // To be made, and made once.
            Refused(await Service.SendAsync("PUT", path, first, null, ("If-Match", "*")));
            Assert.Equal(HttpStatusCode.OK, (await Service.SendAsync("PUT", path, first, null, ("If-None-Match", "*"))).Status);
            Refused(await Service.SendAsync("PUT", path, second, null, ("If-None-Match", "*")));
        }

        var before = await Service.GoodAsync("GET", read);
        var tag = before.Headers["ETag"];
        Assert.Matches("^\"[0-9a-f]+-[0-9a-f]{32}\"$", tag);
        var changed = await Service.SendAsync("PUT", path, isThereAlways ? first : second, null, ("If-Match", tag));
        Assert.True(changed.Status == HttpStatusCode.OK, changed.Text);
        Assert.Matches("^\"[0-9a-f]{32}\"$", changed.Headers["ETag"]);
        Assert.NotEqual(tag.Split('-')[0], changed.Headers["ETag"].TrimEnd('"'));

        // The tag before is of nothing that there is; the answer's and the reader's are of what there is.
        var now = await Service.GoodAsync("GET", read);
        Refused(await Service.SendAsync("PUT", path, isThereAlways ? second : first, null, ("If-Match", tag)));
        Refused(await Service.SendAsync("PUT", path, isThereAlways ? second : first, null, ("If-Match", "W/" + now.Headers["ETag"])));
        Assert.Equal(now.Headers["ETag"].Split('-')[0], (await Service.GoodAsync("GET", read)).Headers["ETag"].Split('-')[0]);
        Assert.Equal(changed.Headers["ETag"].TrimEnd('"'), now.Headers["ETag"].Split('-')[0]);
        Assert.Equal(HttpStatusCode.OK, (await Service.SendAsync("PUT", path, isThereAlways ? second : first, null, ("If-Match", "\"other\", " + now.Headers["ETag"]))).Status);

        // Without it the last one wins, as ever.
        Assert.Equal(HttpStatusCode.OK, (await Service.SendAsync("PUT", path, isThereAlways ? first : second)).Status);
        foreach (var bad in (string[])["x", "\"a", "W/", "\"a\" \"b\"", "\u0001"])
            Assert.Equal(HttpStatusCode.BadRequest, (await Service.SendAsync("PUT", path, first, null, ("If-Match", bad))).Status);
    }

    [Theory]
    [InlineData("v1/quotas/gone", """{"subject":{"tenant":"held"},"meter":"cpuSeconds","window":"month","limit":1}""", """{"subject":{"tenant":"held"},"meter":"cpuSeconds","window":"month","limit":2}""")]
    [InlineData("v1/quota-plans/gone", """{"limits":{"cpu":1}}""", """{"limits":{"cpu":2}}""")]
    [InlineData("v1/webhooks/gone", """{"channel":"log","file":"a.jsonl"}""", """{"channel":"log","file":"b.jsonl"}""")]
    [InlineData("v1/reports/gone", """{"report":"usage","from":"lastMonth","step":"day","format":"csv","every":"month","at":"06:00","directory":"finance"}""", """{"report":"usage","from":"lastMonth","step":"day","format":"csv","every":"month","at":"07:00","directory":"finance"}""")]
    public async Task What_was_changed_is_not_removed_unseen(string path, string first, string second)
    {
        await Service.GoodAsync("PUT", path, first);
        var tag = (await Service.GoodAsync("GET", path)).Headers["ETag"];
        await Service.GoodAsync("PUT", path, second);

        Refused(await Service.SendAsync("DELETE", path, null, null, ("If-Match", tag)));
        await Service.GoodAsync("GET", path);
        Assert.Equal(HttpStatusCode.NoContent, (await Service.SendAsync("DELETE", path, null, null, ("If-Match", (await Service.GoodAsync("GET", path)).Headers["ETag"]))).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await Service.SendAsync("DELETE", path, null, null, ("If-Match", tag))).Status);
    }

    [Fact]
    public async Task Of_many_who_add_to_the_same_rules_at_once_none_is_lost()
    {
        const int Writers = 8;
        await Service.GoodAsync("PUT", "v1/ownership-rules", """{"rules":[]}""");
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(AddAsync));

        var rules = (await Service.GoodAsync("GET", "v1/ownership-rules")).Json.GetProperty("rules").EnumerateArray().Select(rule => rule.GetProperty("tenant").GetString()).Order(StringComparer.Ordinal);
        Assert.Equal(Enumerable.Range(0, Writers).Select(i => $"w{i}"), rules);

        async Task AddAsync(int i)
        {
            while (true)
            {
                var read = await Service.GoodAsync("GET", "v1/ownership-rules");
                var document = JsonNode.Parse(read.Text)!.AsObject();
                document["rules"]!.AsArray().Add(new JsonObject { ["match"] = new JsonObject { ["path"] = $"/w{i}/*" }, ["tenant"] = $"w{i}" });
                var put = await Service.SendAsync("PUT", "v1/ownership-rules?force=true", document.ToJsonString(), null, ("If-Match", read.Headers["ETag"]));
                if (put.Status == HttpStatusCode.OK) return;
                Refused(put);
            }
        }
    }

    [Fact]
    public async Task A_page_is_told_in_words_that_somebody_else_was_first()
    {
        var (pages, admin) = (Service.Services.GetRequiredService<PageApi>(), Caller.Principal(new ApiKey { Role = Roles.Admin, Name = "admin" }, "test"));
        Assert.True((await pages.SendAsync(admin, "PUT", "/v1/tenants/paged", new { name = "One" }, Cancel, ifMatch: "")).IsFine);
        var again = await pages.SendAsync(admin, "PUT", "/v1/tenants/paged", new { name = "Two" }, Cancel, ifMatch: "");
        Assert.Equal(412, again.Status);
        Assert.StartsWith("Somebody else has changed or made it meanwhile;", again.Fault, StringComparison.Ordinal);

        var read = await pages.SendAsync(admin, "GET", "/v1/tenants/paged", null, Cancel);
        await Service.GoodAsync("PUT", "v1/tenants/paged", new { name = "Three" });
        Assert.Equal(412, (await pages.SendAsync(admin, "PUT", "/v1/tenants/paged", new { name = "Four" }, Cancel, read.Tag)).Status);
        var fresh = await pages.SendAsync(admin, "GET", "/v1/tenants/paged", null, Cancel);
        var saved = await pages.SendAsync(admin, "PUT", "/v1/tenants/paged", new { name = "Five" }, Cancel, fresh.Tag);
        Assert.True(saved.IsFine);
        Assert.True((await pages.SendAsync(admin, "PUT", "/v1/tenants/paged", new { name = "Six" }, Cancel, saved.Tag)).IsFine);
    }

    [Fact]
    public async Task Every_document_that_can_be_put_has_a_version()
    {
        var puts = (await ApiOperation.AllAsync(Service)).Where(route => route.Method == "PUT").Select(route => route.Path.TrimEnd('/')).ToList();
        var tried = Documents.Select(row => row.Data.Item1.Split('?')[0].Split('/')).ToList();
        Assert.All(puts, put => Assert.True(tried.Exists(path => put.Split('/').Skip(1).Zip(path).All(pair => pair.First == pair.Second || pair.First.StartsWith('{')) && put.Split('/').Length - 1 == path.Length), put));
    }

    private static void Refused(RunningService.Answer answer)
    {
        Assert.True((answer.Status, answer.Type) == (HttpStatusCode.PreconditionFailed, "urn:metering:problem:changed"), $"{(int)answer.Status} {answer.Text}");
        Assert.Matches("(read it|without If-Match)", answer.Json.GetProperty("detail").GetString());
        Assert.False(answer.Headers.ContainsKey("ETag"));
    }

    public sealed class Running : IAsyncLifetime
    {
        internal RunningService Service { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Service = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:RequestsPerMinute"] = "1000000" });
            await Service.GoodAsync("PUT", "v1/tenants/held", new { name = "Held" });
        }

        public ValueTask DisposeAsync() => Service.DisposeAsync();
    }
}
