using System.Globalization;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Who gets which answer from which route. The table is what is promised; a new route needs a line in it.</summary>
[Collection(nameof(TwoTenants))]
public sealed class RoleMatrixTests(TwoTenants tenants)
{
    // The ids are acme's for GET, with {month} closed; writes that have a body are sent one with an unknown field (400 or 422 from whoever may), those without one an id that is nobody's.
    // f:acme is role finance bound to acme, reader is acme's, agent is shared-host's. foreign: what acme's reader, of an agent's route the agent, gets for what is another's.
    private const string Table = """
                                                                  admin   finance f:acme  reader  agent   scrape  enroll  foreign
        GET /v1/live                                              200     200     200     200     403     403     403     -
        GET /v1/usage?from=1d                                     200     200     200     200     403     403     403     -
        GET /v1/costs?from=1d                                     200     200     200     200     403     403     403     -
        GET /v1/costs/forecast                                    200     200     200     200     403     403     403     -
        GET /v1/recommendations?from=1d                           200     200     200     200     403     403     403     -
        GET /v1/hosts                                             200     200     200     200     403     403     403     -
        GET /v1/workloads                                         200     200     200     200     403     403     403     -
        GET /v1/meters                                            200     200     200     200     403     403     403     -
        GET /v1/tenants                                           200     200     200     200     403     403     403     -
        GET /v1/price-books                                       200     200     200     200     403     403     403     -
        GET /v1/quotas                                            200     200     200     200     403     403     403     -
        GET /v1/alerts                                            200     200     200     200     403     403     403     -
        GET /v1/alerts/current                                    200     200     200     200     403     403     403     -
        GET /v1/invoices                                          200     200     200     200     403     403     403     -
        GET /v1/exports/focus?period={month}                      200     200     200     200     403     403     403     -
        GET /v1/periods/{period}                                  200     200     200     200     403     403     403     -
        GET /v1/proof?host=shared-host&path=/acme/app             200     200     404     404     403     403     403     -
        GET /v1/tenants/{id}                                      200     200     200     200     403     403     403     404
        GET /v1/tenants/{id}/contract                             200     200     200     200     403     403     403     404
        GET /v1/price-books/{id}/versions/{number}                200     200     200     200     403     403     403     404
        GET /v1/quotas/{id}                                       200     200     200     200     403     403     403     404
        GET /v1/quotas/{id}/history                               200     200     200     200     403     403     403     404
        GET /v1/invoices/{id}                                     200     200     200     200     403     403     403     404
        GET /v1/invoices/{id}/state                               200     200     200     200     403     403     403     404
        GET /v1/invoices/{id}/charges                             200     200     200     200     403     403     403     404
        GET /v1/charges/{id}/explain                              200     200     200     200     403     403     403     404
        GET /v1/verify                                            200     403     403     403     403     403     403     -
        GET /v1/audit                                             200     403     403     403     403     403     403     -
        GET /v1/quarantine                                        200     403     403     403     403     403     403     -
        POST /v1/quarantine/replay                                200     403     403     403     403     403     403     -
        GET /v1/rollup                                            200     403     403     403     403     403     403     -
        GET /v1/ownership-rules                                   200     403     403     403     403     403     403     -
        PUT /v1/ownership-rules                                   400     403     403     403     403     403     403     -
        PUT /v1/tenants/{id}                                      400     403     403     403     403     403     403     403
        POST /v1/tenants/apply                                    400     403     403     403     403     403     403     -
        PUT /v1/tenants/{id}/contract                             400     403     403     403     403     403     403     403
        POST /v1/contracts/apply                                  400     403     403     403     403     403     403     -
        PUT /v1/price-books/{id}/versions/{number}                400     403     403     403     403     403     403     403
        POST /v1/price-books/{id}/apply                           400     403     403     403     403     403     403     403
        POST /v1/price-books/{id}/dry-run                         400     403     403     403     403     403     403     403
        GET /v1/allocation                                        200     403     403     403     403     403     403     -
        PUT /v1/allocation                                        400     403     403     403     403     403     403     -
        PUT /v1/quotas/{id}                                       400     403     403     403     403     403     403     403
        DELETE /v1/quotas/{id}                                    404     403     403     403     403     403     403     403
        POST /v1/quotas/apply                                     400     403     403     403     403     403     403     -
        POST /v1/quota-plans/apply                               400     403     403     403     403     403     403     -
        POST /v1/webhooks/apply                                  400     403     403     403     403     403     403     -
        GET /v1/quota-plans                                       200     403     403     403     403     403     403     -
        GET /v1/quota-plans/{id}                                  404     403     403     403     403     403     403     403
        PUT /v1/quota-plans/{id}                                  400     403     403     403     403     403     403     403
        DELETE /v1/quota-plans/{id}                               404     403     403     403     403     403     403     403
        GET /v1/enforcement                                       200     403     403     403     403     403     403     -
        POST /v1/enforcement/release                              400     403     403     403     403     403     403     -
        GET /v1/enforcement/key                                   200     403     403     403     403     403     403     -
        POST /v1/enforcement/key/next                             200     403     403     403     403     403     403     -
        POST /v1/enforcement/key/switch                           200     403     403     403     403     403     403     -
        GET /v1/periods                                           200     403     403     403     403     403     403     -
        POST /v1/periods/{period}/close                           400     403     403     403     403     403     403     403
        GET /v1/periods/{period}/closing                          404     403     403     403     403     403     403     403
        GET /v1/periods/{period}/manifest                         200     403     403     403     403     403     403     403
        POST /v1/invoices/{id}/void                               400     403     403     403     403     403     403     403
        POST /v1/invoices/{id}/reissue                            404     403     403     403     403     403     403     403
        GET /v1/webhooks                                          200     403     403     403     403     403     403     -
        GET /v1/webhooks/{id}                                     200     403     403     403     403     403     403     403
        PUT /v1/webhooks/{id}                                     422     403     403     403     403     403     403     403
        DELETE /v1/webhooks/{id}                                  404     403     403     403     403     403     403     403
        POST /v1/webhooks/{id}/rotate                             404     403     403     403     403     403     403     403
        GET /v1/webhooks/{id}/deliveries                          200     403     403     403     403     403     403     403
        GET /v1/webhooks/{id}/deliveries/{eventId}                404     403     403     403     403     403     403     403
        POST /v1/webhooks/{id}/redeliver?eventId=nosuch           404     403     403     403     403     403     403     403
        POST /v1/webhooks/{id}/test                               404     403     403     403     403     403     403     403
        GET /v1/silences                                          200     403     403     403     403     403     403     -
        POST /v1/silences                                         400     403     403     403     403     403     403     -
        DELETE /v1/silences/{id}                                  404     403     403     403     403     403     403     403
        GET /v1/reports                                           200     403     403     403     403     403     403     -
        GET /v1/reports/{id}                                      404     403     403     403     403     403     403     403
        PUT /v1/reports/{id}                                      400     403     403     403     403     403     403     403
        DELETE /v1/reports/{id}                                   404     403     403     403     403     403     403     403
        POST /v1/reports/apply                                    400     403     403     403     403     403     403     -
        POST /v1/reports/{id}/run                                 404     403     403     403     403     403     403     403
        GET /v1/reports/{id}/runs/{occurrence}                    404     403     403     403     403     403     403     403
        GET /v1/time-series                                       200     403     403     403     403     403     403     -
        GET /v1/time-series/parked                                200     403     403     403     403     403     403     -
        DELETE /v1/time-series/parked                             204     403     403     403     403     403     403     -
        POST /v1/time-series/rebuild                              409     403     403     403     403     403     403     -
        GET /v1/api-keys                                          200     403     403     403     403     403     403     -
        POST /v1/api-keys                                         400     403     403     403     403     403     403     -
        POST /v1/api-keys/{id}/rotate                             404     403     403     403     403     403     403     403
        DELETE /v1/api-keys/{id}                                  404     403     403     403     403     403     403     403
        POST /v1/usage-batches                                    422     403     403     403     422     403     403     -
        GET /v1/agents/{host}/downlink?epoch=none                 200     403     403     403     200     403     403     404
        GET /metrics                                              200     403     403     403     403     200     403     -
        POST /v1/agents/enroll                                    403     403     403     403     403     403     200     -
        """;

    private static readonly string[] Names = ["admin", "finance", "f:acme", "reader", "agent", "scrape", "enroll"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_role_gets_from_every_route_what_the_table_says()
    {
        var lines = Table.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        Assert.Equal([.. Names, "foreign"], lines[0]);
        var routes = await ApiOperation.AllAsync(tenants.Service);
        var asked = lines.Skip(1).Select(line => $"{line[0]} {line[1].Split('?')[0]}").ToList();
        Assert.Equal(routes.Select(route => $"{route.Method} {Plain(route)}").Order(StringComparer.Ordinal), asked.Order(StringComparer.Ordinal));

        var keys = await KeysAsync();
        var nobody = new Dictionary<string, string> { ["nobody"] = "", ["an unknown key"] = KeySecret.New(Roles.Admin, KeySecret.NewId()), ["an expired key"] = await ExpiredAsync(), ["a revoked key"] = await RevokedAsync(), ["no key at all"] = "admin" };
        var wrong = new List<string>();
        foreach (var line in lines.Skip(1))
        {
            var route = routes.Single(one => $"{one.Method} {Plain(one)}" == $"{line[0]} {line[1].Split('?')[0]}");
            var isAbsent = route.Method is "DELETE" || (route.Method == "POST" && !route.HasBody && route.Path != "/v1/agents/enroll");
            var path = Path(route, line[1], isAbsent ? TwoTenants.Absent : "acme");
            foreach (var (name, key) in nobody) await ExpectAsync(name, key, "401");
            for (var i = 0; i < Names.Length; i++) await ExpectAsync(Names[i], keys[Names[i]], line[2 + i]);
            if (line[^1] == "-") continue;
            path = Path(route, line[1], "globex").Replace("shared-host", "second-host", StringComparison.Ordinal);
            await ExpectAsync("foreign", keys[route.Path.StartsWith("/v1/agents/", StringComparison.Ordinal) ? "agent" : "reader"], line[^1]);

            async Task ExpectAsync(string name, string key, string status)
            {
                var answer = await tenants.Service.SendAsync(route.Method, path, route.HasBody ? """{"nosuchfield":1}""" : null, key);
                if (((int)answer.Status).ToString(CultureInfo.InvariantCulture) != status) wrong.Add($"{route.Method} {path} as {name}: {(int)answer.Status} and not {status} {answer.Text[..Math.Min(200, answer.Text.Length)]}");
                else if ((int)answer.Status >= 400 && (answer.Type.Length == 0 || answer.Json.GetProperty("detail").GetString() is not { Length: > 0 })) wrong.Add($"{route.Method} {path} as {name}: no problem with a detail: {answer.Text}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static string Plain(ApiOperation route) => route.Path.Length > 1 ? route.Path.TrimEnd('/') : route.Path;

    private string Path(ApiOperation route, string line, string of)
    {
        var cut = line.IndexOf('?', StringComparison.Ordinal);
        return route.With(name => tenants.Id(route, name, of)) + (cut < 0 ? "" : line[cut..].Replace("{month}", tenants.Month, StringComparison.Ordinal));
    }

    private async Task<Dictionary<string, string>> KeysAsync() => new(StringComparer.Ordinal)
    {
        ["admin"] = tenants.Service.AdminKey, ["finance"] = await tenants.Service.NewKeyAsync(Roles.Finance), ["f:acme"] = await tenants.Service.NewKeyAsync(Roles.Finance, "acme"), ["reader"] = tenants.Readers["acme"],
        ["agent"] = await tenants.Service.NewKeyAsync(Roles.Agent, host: "shared-host"), ["scrape"] = await tenants.Service.NewKeyAsync(Roles.Scrape), ["enroll"] = await tenants.Service.NewKeyAsync(Roles.Enrol, host: "new-host"),
    };

    // Made an hour ago, for a minute.
    private async Task<string> ExpiredAsync()
    {
        var past = new FakeClock(TimeProvider.System.GetUtcNow().AddHours(-1));
        return (await new KeyRing(tenants.Service.Store, new KeyUse(tenants.Service.Store, past), past).CreateAsync(Roles.Admin, "expired", null, null, past.GetUtcNow().AddMinutes(1), new ClaimsPrincipal(), Cancel)).Text;
    }

    private async Task<string> RevokedAsync()
    {
        var key = (await tenants.Service.GoodAsync("POST", "v1/api-keys", new { role = "admin", name = "revoked" })).Json;
        var text = key.GetProperty("secret").GetString()!;
        await tenants.Service.GoodAsync("GET", "v1/meters", key: text);
        await tenants.Service.GoodAsync("DELETE", "v1/api-keys/" + key.GetProperty("id").GetString());
        return text;
    }
}
