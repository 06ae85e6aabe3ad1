using System.Net;
using System.Text.RegularExpressions;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Every route of the API document as two tenants and as nobody: what is another's answers exactly as what is not there.</summary>
[Collection(nameof(TwoTenants))]
public sealed partial class TenantWalkTests(TwoTenants tenants)
{
    private const string Absent = TwoTenants.Absent;

    [Fact]
    public async Task A_foreign_id_answers_exactly_as_an_absent_one()
    {
        var routes = (await ApiOperation.AllAsync(tenants.Service)).Where(route => route.PathParameters.Count > 0 && (route.Method, route.Path) != ("GET", "/v1/periods/{period}")).ToList();

        // A month is everybody's; what is told of it is looked at with the lists.
        Assert.True(routes.Count > 30, $"Only {routes.Count} routes have an id.");
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            foreach (var route in routes)
            {
                var foreign = await AnswerAsync(route, theirs, tenants.Readers[mine]);
                var absent = await AnswerAsync(route, Absent, tenants.Readers[mine]);

                Assert.True(foreign == absent, $"{route} as {mine}, of {theirs}:\n{foreign}\nof nobody:\n{absent}");
                Assert.DoesNotContain(theirs, foreign, StringComparison.Ordinal);
                Assert.Matches("^(403|404) ", foreign);
            }
        }
    }

    [Fact]
    public async Task Ones_own_id_is_there()
    {
        // Without this, a route that answers nobody would pass for one that keeps tenants apart.
        foreach (var route in await ApiOperation.AllAsync(tenants.Service))
        {
            if (route.Method != "GET" || route.PathParameters.Count == 0 || !IsTenants(route)) continue;
            var answer = await tenants.Service.SendAsync("GET", route.With(name => tenants.Id(route, name, "acme")), key: tenants.Readers["acme"]);
            Assert.True(answer.Status == HttpStatusCode.OK, $"{route}: {(int)answer.Status} {answer.Text}");
        }
    }

    [Fact]
    public async Task Nobody_gets_401_from_every_route()
    {
        foreach (var route in await ApiOperation.AllAsync(tenants.Service))
        {
            foreach (var key in (string[])["", "mtr_admin_wrong"])
            {
                var answer = await tenants.Service.SendAsync(route.Method, route.With(name => tenants.Id(route, name, "acme")), route.HasBody ? "{}" : null, key);
                Assert.True((answer.Status, answer.Type) == (HttpStatusCode.Unauthorized, "urn:metering:problem:unauthorized"), $"{route}: {(int)answer.Status} {answer.Text}");
            }
        }
    }

    [Fact]
    public async Task No_list_and_no_report_tells_of_another_tenant()
    {
        var month = tenants.Month;
        var routes = (await ApiOperation.AllAsync(tenants.Service)).Where(route => route.Method == "GET" && (route.PathParameters.Count == 0 || route.Path == "/v1/periods/{period}")).ToList();
        foreach (var (mine, theirs) in new[] { ("acme", "globex"), ("globex", "acme") })
        {
            var told = 0;
            foreach (var route in routes)
            {
                foreach (var query in (string[])["", $"?from={month}&to=now&groupBy=tenant,workload&step=day", $"?from=7d&groupBy=workload&filter=tenant:{theirs}", $"?from={month}&to=now&format=csv&groupBy=tenant,workload", $"?period={month}", $"?period={month}&dataset=invoice-detail", "?state=draft"])
                {
                    var answer = await tenants.Service.SendAsync("GET", route.With(_ => month) + route.Query(query), key: tenants.Readers[mine]);
                    Assert.True((int)answer.Status < 500, $"{route}{query}: {(int)answer.Status} {answer.Text}");
                    if (answer.Status != HttpStatusCode.OK) continue;
                    Assert.False(answer.Text.Contains(theirs, StringComparison.OrdinalIgnoreCase), $"{route}{query} as {mine}: {answer.Text}");
                    if (answer.Text.Contains(mine, StringComparison.OrdinalIgnoreCase)) told++;
                }
            }

            Assert.True(told > 15, $"Only {told} answers tell {mine} of itself.");
        }
    }

    [Fact]
    public async Task A_filter_by_another_tenant_answers_as_one_by_nobody()
    {
        foreach (var path in (string[])["v1/usage?from=7d&filter=tenant:{0}", "v1/costs?from=7d&filter=tenant:{0}", "v1/workloads?filter=tenant:{0}", "v1/invoices?tenant={0}", "v1/costs/forecast?filter=tenant:{0}", "v1/recommendations?from=7d&filter=tenant:{0}"])
        {
            var foreign = await tenants.Service.SendAsync("GET", path.Replace("{0}", "globex", StringComparison.Ordinal), key: tenants.Readers["acme"]);
            var absent = await tenants.Service.SendAsync("GET", path.Replace("{0}", Absent, StringComparison.Ordinal), key: tenants.Readers["acme"]);
            Assert.Equal(HttpStatusCode.OK, foreign.Status);
            Assert.Equal(Instant().Replace(absent.Text, ""), Instant().Replace(foreign.Text, ""));
        }
    }

    // Status, headers but the date, and body, with the id taken out.
    private async Task<string> AnswerAsync(ApiOperation route, string of, string key)
    {
        var answer = await tenants.Service.SendAsync(route.Method, route.With(name => tenants.Id(route, name, of)), route.HasBody ? "{}" : null, key);
        var text = $"{(int)answer.Status} {string.Join("; ", answer.Headers.Where(header => header.Key != "Date").OrderBy(header => header.Key, StringComparer.Ordinal).Select(header => $"{header.Key}={header.Value}"))}\n{TraceId().Replace(answer.Text, "")}";
        foreach (var name in route.PathParameters) text = text.Replace(tenants.Id(route, name, of), "{id}", StringComparison.Ordinal);
        return text;
    }

    private static bool IsTenants(ApiOperation route) =>
        route.Path.StartsWith("/v1/tenants/", StringComparison.Ordinal) || route.Path.StartsWith("/v1/quotas/", StringComparison.Ordinal) || route.Path.StartsWith("/v1/invoices/", StringComparison.Ordinal) ||
        route.Path.StartsWith("/v1/charges/", StringComparison.Ordinal) || route.Path.StartsWith("/v1/price-books/", StringComparison.Ordinal);

    [GeneratedRegex("\"traceId\":\"[0-9a-f-]+\"")]
    private static partial Regex TraceId();

    [GeneratedRegex("\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+]00:00)\"")]
    private static partial Regex Instant();
}
