using System.Text.Json;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>The calls of <c>requests.http</c>, carried out from the first to the last.</summary>
public sealed class ExamplesTests
{
    // These change nothing, or nothing here: usage has its receipts, a dry run and a report change no setting, and there are no parked points and no limits to undo.
    private static readonly string[] NoChange = ["/v1/usage-batches", "/v1/price-books/standard/dry-run", "/v1/reports/monthly-usage/run", "/v1/time-series/parked", "/v1/time-series/rebuild", "/v1/enforcement/release"];

    [Fact]
    public async Task Each_is_answered_and_what_changes_something_is_in_the_audit_trail()
    {
        await using var service = await RunningService.StartAsync();
        var changes = 0;
        foreach (var (method, path, query, body) in ApiContractTests.Calls())
        {
            var before = await LastAsync(service);
            var answer = await service.SendAsync(method, path.TrimStart('/') + query, body);
            Assert.True((int)answer.Status < 500 && answer.Type != "urn:metering:problem:invalid-request", $"{method} {path}{query}: {(int)answer.Status} {answer.Text}");
            if (method == "GET" || (int)answer.Status >= 300 || NoChange.Contains(path)) continue;
            var after = await LastAsync(service);
            Assert.True(after.Number > before.Number || IsAsItWas(answer.Text), $"{method} {path} is not in the audit trail: {answer.Text}");
            Assert.True(after.Action.Length > 0 && after.Principal.StartsWith("key:", StringComparison.Ordinal), $"{method} {path}: {after}");
            changes++;
        }

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
