using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>The calls of <c>requests.http</c>, carried out from the first to the last; and the examples of the API document, which are these calls and their answers.</summary>
public sealed partial class ExamplesTests
{
    private static readonly string Recorded = Path.Combine(RepositoryFiles.Root, "src/Metering.Service/Http/examples.json");

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // These change nothing, or nothing here: usage has its receipts, a dry run and a report change no setting, and there are no parked points and no limits to undo.
    private static readonly string[] NoChange = ["/v1/usage-batches", "/v1/price-books/standard/dry-run", "/v1/reports/monthly-usage/run", "/v1/time-series/parked", "/v1/time-series/rebuild", "/v1/enforcement/release"];

    // What is told only while something runs, and what needs a server that is not here; the file says so beside the call.
    private static readonly Dictionary<string, int> NotHere = new(StringComparer.Ordinal) { ["GET /v1/periods/2026-10/closing"] = 404, ["POST /v1/time-series/rebuild"] = 409 };

    [Fact]
    public async Task Each_is_answered_well_is_audited_when_it_changes_something_and_is_the_example_of_its_route()
    {
        await using var service = await RunningService.StartAsync();
        var routes = await ApiOperation.AllAsync(service);
        var (answers, examples) = (new Dictionary<string, RunningService.Answer>(StringComparer.Ordinal), new SortedDictionary<string, JsonObject>(StringComparer.Ordinal));
        var changes = 0;
        foreach (var call in HttpCall.All())
        {
            var before = await LastAsync(service);
            string Fill(string text) => HttpCall.Fill(text, service.AdminKey, answers);
            var (path, body) = (Fill(call.Path), call.Body is null ? null : Fill(call.Body));
            var key = call.Headers.TryGetValue("Authorization", out var bearer) ? Fill(bearer)["Bearer ".Length..] : "";
            var answer = await service.SendAsync(call.Method, path.TrimStart('/') + Fill(call.Query), body, key, [.. call.Headers.Where(header => header.Key is not ("Authorization" or "Content-Type" or "Accept-Encoding")).Select(header => (header.Key, Fill(header.Value)))]);
            var expected = NotHere.GetValueOrDefault($"{call.Method} {call.Path}");
            // The first: those that follow go by its answer.
            Assert.True(expected == 0 ? (int)answer.Status is >= 200 and <= 299 : (int)answer.Status == expected, $"{call.Method} {path}{call.Query}: {(int)answer.Status} {answer.Text}");
            if ((int)answer.Status >= 300) continue;
            if (call.Name is not null) answers[call.Name] = answer;
            if (routes.FirstOrDefault(call.Is) is { } route) Note(examples, $"{route.Method} {route.Path.TrimEnd('/')}", body, answer);
            if (call.Method == "GET" || NoChange.Contains(call.Path)) continue;
            var after = await LastAsync(service);
            Assert.True(after.Number > before.Number || IsAsItWas(call, answer), $"{call.Method} {path} is not in the audit trail: {answer.Text}");
            Assert.True(after.Action.Length > 0 && after.Principal.StartsWith("key:", StringComparison.Ordinal), $"{call.Method} {path}: {after}");
            changes++;
        }

        Assert.True(changes >= 30, $"Only {changes} calls changed something.");
        await CompareAsync(examples);
    }

    // The first call of a route is its example.
    private static void Note(SortedDictionary<string, JsonObject> examples, string route, string? body, RunningService.Answer answer)
    {
        if (examples.TryGetValue(route, out var known) && known.ContainsKey("response")) return;
        var example = new JsonObject();
        if (body is not null) example["request"] = JsonNode.Parse(body);
        if (answer.Media == "application/json" && answer.Text.Length > 0) example["response"] = Shown(JsonNode.Parse(answer.Text), "");
        if (example.Count > 0 && route != "GET /openapi/v1.json") examples[route] = example;
    }

    private static async Task CompareAsync(SortedDictionary<string, JsonObject> examples)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Assert.True(Environment.GetEnvironmentVariable("CI") != "true", "UPDATE_GOLDEN is for a person who looks at the difference, not for CI.");
            await File.WriteAllTextAsync(Recorded, JsonSerializer.Serialize(examples, Indented) + "\n", TestContext.Current.CancellationToken);
        }

        var told = JsonNode.Parse(await File.ReadAllTextAsync(Recorded, TestContext.Current.CancellationToken))!.AsObject();
        Assert.Equal(examples.Keys, told.Select(one => one.Key).Order(StringComparer.Ordinal));
        var other = examples.SelectMany(one => Differences(told[one.Key], one.Value, one.Key)).ToList();
        Assert.True(other.Count == 0, "The examples of the API document are not what the service answers; if it is right, run this test with UPDATE_GOLDEN=1, then ApiContractTests with it, and commit both files.\n" + string.Join("\n", other));
    }

    // The same fields with values of the same kind; what they are is another matter each time.
    private static IEnumerable<string> Differences(JsonNode? told, JsonNode? real, string at)
    {
        if (told is null || real is null) yield break;
        if (Kind(told) != Kind(real))
        {
            yield return $"{at} is {Kind(real)} and not {Kind(told)}";
        }
        else if (told is JsonObject all && real is JsonObject now)
        {
            foreach (var name in all.Select(one => one.Key).Union(now.Select(one => one.Key)))
            {
                if (!all.ContainsKey(name) || !now.ContainsKey(name)) yield return $"{at}.{name} is {(now.ContainsKey(name) ? "not in the example" : "not in the answer")}";
                else foreach (var other in Differences(all[name], now[name], $"{at}.{name}")) yield return other;
            }
        }
        else if (told is JsonArray first && real is JsonArray second && first.Count > 0 && second.Count > 0)
        {
            foreach (var other in Differences(first[0], second[0], at + "[0]")) yield return other;
        }
    }

    private static JsonValueKind Kind(JsonNode node) => node.GetValueKind() is var kind && kind == JsonValueKind.False ? JsonValueKind.True : kind;

    // Short, and without what is secret.
    private static JsonNode? Shown(JsonNode? node, string name) => node switch
    {
        JsonObject inner => new JsonObject(inner.Select(one => KeyValuePair.Create(one.Key, Shown(one.Value, one.Key)))),
        JsonArray list => new JsonArray([.. list.Take(2).Select(one => Shown(one, name))]),
        JsonValue value when name is "secret" or "key" && value.GetValueKind() == JsonValueKind.String => Secret().Replace(value.GetValue<string>(), "$1…"),
        _ => node?.DeepClone(),
    };

    // What is put as it was changes nothing: a webhook says so, and a document that the file has twice.
    private static bool IsAsItWas(HttpCall call, RunningService.Answer answer) => answer.Text.Contains("\"changed\":false", StringComparison.Ordinal) || call.Headers.ContainsKey("If-Match");

    private static async Task<(long Number, string Action, string Principal)> LastAsync(RunningService service)
    {
        var entries = (await service.GoodAsync("GET", "v1/audit?limit=1")).Json.GetProperty("entries");
        var last = entries.GetArrayLength() == 0 ? default : entries[0];
        return last.ValueKind == JsonValueKind.Undefined ? (0, "", "") : (last.GetProperty("number").GetInt64(), last.GetProperty("action").GetString()!, last.GetProperty("principal").GetString()!);
    }

    [GeneratedRegex("^((?:mtr_[a-z]+_|whsec_)?).*$")]
    private static partial Regex Secret();
}
