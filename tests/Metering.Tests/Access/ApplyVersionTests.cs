using System.Net;
using System.Text.Json.Nodes;
using Metering.Cli.Client;
using Metering.Cli.Resources;
using Metering.Safety;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Several documents that take effect together: each may say what it is a change of, and then none undoes somebody else's change unseen.</summary>
public sealed class ApplyVersionTests(VersionTests.Running running) : IClassFixture<VersionTests.Running>
{
    private RunningService Service => running.Service;

    // Where several are applied, where one is read, a first content and another one. Every route of the kind needs a line here.
    public static TheoryData<string, string, string, string> Kinds => new()
    {
        { "v1/tenants/apply", "v1/tenants/{0}", """{"name":"One"}""", """{"name":"Two"}""" },
        { "v1/price-books/listed/apply", "v1/price-books/listed/versions/{0}", """{"currency":"EUR","validFrom":"2999-0{0}-01T00:00:00Z","validTo":"2999-0{0}-02T00:00:00Z","prices":[{"meter":"cpuSeconds","unit":"Core-Hours","price":1}]}""", """{"currency":"EUR","validFrom":"2999-0{0}-01T00:00:00Z","validTo":"2999-0{0}-02T00:00:00Z","prices":[{"meter":"cpuSeconds","unit":"Core-Hours","price":2}]}""" },
        { "v1/contracts/apply", "v1/tenants/{0}/contract", """{"terms":[{"validFrom":"2999-01-01T00:00:00Z","discount":10}]}""", """{"terms":[{"validFrom":"2999-01-01T00:00:00Z","discount":20}]}""" },
        { "v1/quotas/apply", "v1/quotas/{0}", """{"subject":{"tenant":"held"},"meter":"cpuSeconds","window":"month","limit":1}""", """{"subject":{"tenant":"held"},"meter":"cpuSeconds","window":"month","limit":2}""" },
        { "v1/quota-plans/apply", "v1/quota-plans/{0}", """{"limits":{"cpu":1}}""", """{"limits":{"cpu":2}}""" },
        { "v1/webhooks/apply", "v1/webhooks/{0}", """{"channel":"log","file":"a.jsonl"}""", """{"channel":"log","file":"b.jsonl"}""" },
        { "v1/reports/apply", "v1/reports/{0}", """{"report":"usage","from":"lastMonth","step":"day","format":"csv","every":"month","at":"06:00","directory":"finance"}""", """{"report":"usage","from":"lastMonth","step":"day","format":"csv","every":"month","at":"07:00","directory":"finance"}""" },
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Of_several_documents_none_is_changed_when_one_is_not_what_was_read(string apply, string one, string first, string second)
    {
        var (a, b) = apply.Contains("price-books", StringComparison.Ordinal) ? ("1", "2") : apply.Contains("contracts", StringComparison.Ordinal) ? ("together-a", "together-b") : ("a", "b");
        var isContract = apply.Contains("contracts", StringComparison.Ordinal);
        foreach (var tenant in isContract ? (string[])[a, b] : []) await Service.GoodAsync("PUT", "v1/tenants/" + tenant, "{}");

        // Made once.
        if (isContract) await FineAsync(apply, (a, Fill(first, a), await TagAsync(one, a), null), (b, Fill(first, b), "*", null));
        else await FineAsync(apply, (a, Fill(first, a), null, "*"), (b, Fill(first, b), null, "*"));
        Refused(await ApplyAsync(apply, (a, Fill(second, a), null, "*"), (b, Fill(second, b), null, null)), 0);

        // Somebody else changes the second between reading and applying: neither is changed, and it is told which it was.
        var (tagA, tagB) = (await TagAsync(one, a), await TagAsync(one, b));
        await Service.GoodAsync("PUT", string.Format(null, one, b), Fill(second, b));
        var theirs = (await Service.GoodAsync("GET", string.Format(null, one, b))).Text;
        Refused(await ApplyAsync(apply, (a, Fill(second, a), tagA, null), (b, Fill(first, b), tagB, null)), 1);
        Refused(await ApplyAsync(apply + "?check=true", (a, Fill(second, a), tagA, null), (b, Fill(first, b), tagB, null)), 1);
        Assert.Equal(tagA, await TagAsync(one, a));
        Assert.Equal(theirs, (await Service.GoodAsync("GET", string.Format(null, one, b))).Text);

        // Told of what there is now, both are; whoever gives no tag is not asked.
        await FineAsync(apply, (a, Fill(second, a), tagA, null), (b, Fill(first, b), await TagAsync(one, b), null));
        Assert.NotEqual(tagA, await TagAsync(one, a));
        await FineAsync(apply, (a, Fill(first, a), null, null));
        await FineAsync(apply, (a, Fill(second, a), (await TagAsync(one, a)).Trim('"'), null));
        var bad = await ApplyAsync(apply, (a, Fill(first, a), "\"x", null));
        Assert.True(bad.Status == HttpStatusCode.UnprocessableEntity && bad.Text.Contains("documents[0].ifMatch", StringComparison.Ordinal), bad.Text);
    }

    [Fact]
    public async Task Every_route_of_several_documents_is_tried_and_says_what_it_answers()
    {
        var routes = (await ApiOperation.AllAsync(Service)).Where(route => route.Path.EndsWith("/apply", StringComparison.Ordinal)).Select(route => route.Path.TrimStart('/').Replace("{id}", "listed", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(Kinds.Select(row => row.Data.Item1).Order(StringComparer.Ordinal), routes);
        var document = (await Service.GoodAsync("GET", "openapi/v1.json")).Json.GetProperty("paths");
        Assert.All(document.EnumerateObject().Where(path => path.Name.EndsWith("/apply", StringComparison.Ordinal)), path => Assert.True(path.Value.GetProperty("post").GetProperty("responses").TryGetProperty("412", out _), path.Name));
    }

    // What stands between the command and the service changes a tenant just before the command's change arrives, as somebody else may.
    [Fact]
    public async Task The_command_line_undoes_nobodys_change_between_its_reading_and_its_writing()
    {
        await Service.GoodAsync("PUT", "v1/tenants/cli-a", """{"name":"A"}""");
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "tenants:\n  - id: cli-a\n    name: Mine\n  - id: cli-b\n    name: Mine\n", Cancel);
        foreach (var theirs in (string[])["cli-a", "cli-b"])
        {
            await using var between = await BetweenAsync(() => Service.GoodAsync("PUT", "v1/tenants/" + theirs, """{"name":"Theirs"}"""));
            using var client = ApiClient.Create(between.Urls.First(), Service.AdminKey, "nowhere", tellsDemo: false);

            var fault = await Assert.ThrowsAsync<UserErrorException>(() => new Applier(client, DocumentKind.Tenants).ApplyAsync(file, Cancel));

            var at = theirs == "cli-a" ? 0 : 1;
            Assert.Matches($@":{2 + (2 * at)}: tenants\[{at}\] \({theirs}\): was changed by somebody else meanwhile; run the command again", fault.Message);
            Assert.Equal("Theirs", (await Service.GoodAsync("GET", "v1/tenants/" + theirs)).Json.GetProperty("name").GetString());
        }

        // Run again it starts from what it is now.
        using var direct = ApiClient.Create(Service.Url, Service.AdminKey, "nowhere", tellsDemo: false);
        await new Applier(direct, DocumentKind.Tenants).ApplyAsync(file, Cancel);
        Assert.Equal("Mine", (await Service.GoodAsync("GET", "v1/tenants/cli-b")).Json.GetProperty("name").GetString());
        File.Delete(file);
    }

    private async Task<WebApplication> BetweenAsync(Func<Task> before)
    {
        var app = WebApplication.CreateSlimBuilder().Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.Run(async context =>
        {
            if (context.Request.Method == "POST") await before();
            using var body = new StreamReader(context.Request.Body);
            var text = await body.ReadToEndAsync(Cancel);
            var answer = await Service.SendAsync(context.Request.Method, (context.Request.Path + context.Request.QueryString).TrimStart('/'), text.Length > 0 ? text : null);
            context.Response.StatusCode = (int)answer.Status;
            context.Response.ContentType = answer.Media;
            if (answer.Headers.TryGetValue("ETag", out var tag)) context.Response.Headers.ETag = tag;
            if (answer.Text.Length > 0) await context.Response.WriteAsync(answer.Text, Cancel);
        });
        await app.StartAsync(Cancel);
        return app;
    }

    private static string Fill(string body, string id) => body.Replace("{0}", id, StringComparison.Ordinal);

    private async Task<string> TagAsync(string path, string id) => (await Service.GoodAsync("GET", string.Format(null, path, id))).Headers["ETag"];

    private async Task FineAsync(string path, params (string Id, string Body, string? IfMatch, string? IfNoneMatch)[] documents)
    {
        var answer = await ApplyAsync(path, documents);
        Assert.True((int)answer.Status is 200 or 204, answer.Text);
    }

    private Task<RunningService.Answer> ApplyAsync(string path, params (string Id, string Body, string? IfMatch, string? IfNoneMatch)[] documents) => Service.SendAsync("POST", path, new JsonObject
    {
        ["documents"] = new JsonArray([.. documents.Select(one => new JsonObject { ["id"] = one.Id, ["body"] = JsonNode.Parse(one.Body), ["ifMatch"] = one.IfMatch, ["ifNoneMatch"] = one.IfNoneMatch })]),
    }.ToJsonString());

    private static void Refused(RunningService.Answer answer, int at)
    {
        Assert.True((answer.Status, answer.Type) == (HttpStatusCode.PreconditionFailed, "urn:metering:problem:changed"), $"{(int)answer.Status} {answer.Text}");
        Assert.Equal([$"documents[{at}]"], answer.Json.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("field").GetString()));
    }
}
