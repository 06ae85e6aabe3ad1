using System.Text.Json;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>The calls of <c>requests.http</c>, carried out from the first to the last.</summary>
public sealed class ExamplesTests
{
    // These change nothing, or nothing here: usage has its receipts, a dry run and a report change no setting, and there are no parked points and no limits to undo.
    private static readonly string[] NoChange = ["/v1/usage-batches", "/v1/price-books/standard/dry-run", "/v1/reports/monthly-usage/run", "/v1/time-series/parked", "/v1/time-series/rebuild", "/v1/enforcement/release"];

    // Ids that only a person can fill in, what a ledger without a closed month does not have, and what an earlier call has set otherwise; with an id that is there each is in RoleMatrixTests.
    private static readonly Dictionary<string, int> NotYet = new(StringComparer.Ordinal)
    {
        ["GET /v1/proof"] = 404,
        ["GET /v1/webhooks/ops/deliveries/qc_acme-cpu_1793487600_80"] = 404,
        ["DELETE /v1/silences/sil_0"] = 404,
        ["DELETE /v1/api-keys/KEY-ID"] = 404,
        ["POST /v1/api-keys/KEY-ID/rotate"] = 404,
        ["POST /v1/agents/enroll"] = 403,
        ["POST /v1/periods/2026-10/close"] = 409,
        ["GET /v1/periods/2026-10/closing"] = 404,
        ["GET /v1/periods/2026-10/manifest"] = 404,
        ["GET /v1/invoices/000001"] = 404,
        ["GET /v1/invoices/000001/state"] = 404,
        ["POST /v1/invoices/000001/void"] = 404,
        ["POST /v1/invoices/000001/reissue"] = 404,
        ["GET /v1/invoices/000001/charges"] = 404,
        ["GET /v1/charges/2026-10-1/explain"] = 404,
        ["POST /v1/time-series/rebuild"] = 409,
        ["POST /v1/price-books/standard/apply"] = 422,
        ["POST /v1/contracts/apply"] = 422,
        ["GET /v1/reports/monthly-usage/runs/1793487600"] = 404,
    };

    [Fact]
    public async Task Each_is_answered_and_what_changes_something_is_in_the_audit_trail()
    {
        await using var service = await RunningService.StartAsync();
        var changes = 0;
        var wrong = new List<string>();
        foreach (var (method, path, query, body) in ApiContractTests.Calls())
        {
            var before = await LastAsync(service);
            var answer = await service.SendAsync(method, path.TrimStart('/') + query, body);
            var expected = NotYet.GetValueOrDefault($"{method} {path}");
            if (expected == 0 ? (int)answer.Status is < 200 or > 299 : (int)answer.Status != expected) wrong.Add($"{method} {path}{query}: {(int)answer.Status} {answer.Text}");
            if (method == "GET" || (int)answer.Status >= 300 || NoChange.Contains(path)) continue;
            var after = await LastAsync(service);
            Assert.True(after.Number > before.Number || IsAsItWas(answer.Text), $"{method} {path} is not in the audit trail: {answer.Text}");
            Assert.True(after.Action.Length > 0 && after.Principal.StartsWith("key:", StringComparison.Ordinal), $"{method} {path}: {after}");
            changes++;
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
        Assert.True(changes >= 15, $"Only {changes} calls changed something.");
    }

    // What is put as it was changes nothing: a webhook says so.
    private static bool IsAsItWas(string text) => text.Contains("\"changed\":false", StringComparison.Ordinal);

    private static async Task<(long Number, string Action, string Principal)> LastAsync(RunningService service)
    {
        var entries = (await service.GoodAsync("GET", "v1/audit?limit=1")).Json.GetProperty("entries");
        var last = entries.GetArrayLength() == 0 ? default : entries[0];
        return last.ValueKind == JsonValueKind.Undefined ? (0, "", "") : (last.GetProperty("number").GetInt64(), last.GetProperty("action").GetString()!, last.GetProperty("principal").GetString()!);
    }
}
